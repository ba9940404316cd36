import type { NodeAddress, Pod } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import type { Engine } from '../engines/engine.ts';
import type { PreparedRoot } from '../engines/sandbox-spec.ts';
import type { Images } from '../images/images.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Network } from '../network/network.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { PodSources } from './pod-sources.ts';
import type { ClusterDns } from './spec/dns.ts';
import type { Allocatable } from './spec/pod-fields.ts';

export interface AgentOptions {
  readonly client: Client;
  /** In order: the first that makes a class available runs it. */
  readonly engines: readonly Engine[];
  readonly network: Network;
  readonly images: Images;
  readonly volumes: Volumes;
  /** Made by `createPodSources`; the volumes were given the same. */
  readonly sources: PodSources;
  readonly nodeName: string;
  readonly nodeAddresses: readonly NodeAddress[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly directories: AgentDirectories;
  readonly dns: ClusterDns;
  readonly allocatable: Allocatable;
  readonly bootId: string;
  /** Class of a pod that names none. */
  readonly defaultRuntimeClass: string;
  /** In which form an engine wants an image's root; block devices for engines called `vm` unless given. */
  readonly rootForm?: (engine: Engine) => PreparedRoot['kind'];
}

export interface AgentDirectories {
  /** Holds `pods/<uid>/` and `logs/`; survives a reboot. */
  readonly state: string;
}

/** Metadata of a pod that the API always sets. */
export function identityOf(pod: Pod): {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
} {
  const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
  return { uid, namespace, name };
}
