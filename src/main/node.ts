import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createAgent } from '../agent/agent.ts';
import { imageHandlers } from '../agent/images/handlers.ts';
import { machineFacts } from '../agent/node/machine.ts';
import { createPodSources } from '../agent/pod-sources.ts';
import { parseResolvConf } from '../agent/spec/dns.ts';
import { streamHandlers } from '../agent/streams/handlers.ts';
import type { Client } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import { type Connection, readKubeconfig } from '../client/kubeconfig.ts';
import { serveTunnel } from '../client/node-tunnel.ts';
import type { Engine } from '../engines/engine.ts';
import { createImages } from '../images/create-images.ts';
import type { Images } from '../images/images.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import type { Network } from '../network/network.ts';
import { createNodeVolumes } from '../volumes/node-volumes.ts';
import type { VolumeSources, Volumes } from '../volumes/volumes.ts';
import { createEngines, createNetwork } from './host-parts.ts';
import { type InstanceConfig, type Layout, layoutOf } from './instance.ts';
import { stopSignal } from './stop-signal.ts';

const CLUSTER_DOMAIN = 'cluster.local';
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export interface NodeOptions {
  readonly connection: Connection & { readonly ca: string; readonly cert: string; readonly key: string };
  readonly nodeName: string;
  readonly stateDirectory: string;
  /** Made when what they read is there. */
  readonly volumes: (sources: VolumeSources) => Volumes;
  readonly engines: readonly Engine[];
  readonly network: Network;
  readonly images: Images;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs the agent and its tunnel until the signal aborts. Workloads go on running after it. */
export async function runNode(options: NodeOptions, signal: AbortSignal): Promise<void> {
  const { connection, nodeName, clock, log, engines, network, images } = options;
  const bootId = (await readFile(BOOT_ID, 'utf8')).trim();
  const machine = await machineFacts(bootId);
  const client: Client = createHttpClient({ ...connection, clock, userAgent: 'amphora-node' });
  const addresses = hostAddresses();
  const allocatable = { cpuMillis: machine.cpus * 1000, memoryBytes: machine.memoryBytes };
  const sources = createPodSources({ client, clock, nodeName, hostIps: addresses, allocatable });
  const agent = createAgent({
    client,
    engines,
    network,
    images,
    volumes: options.volumes(sources),
    sources,
    nodeName,
    nodeAddresses: [
      ...addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: nodeName },
    ],
    clock,
    log,
    directories: { state: options.stateDirectory },
    dns: {
      servers: [],
      domain: CLUSTER_DOMAIN,
      host: parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => '')),
    },
    allocatable,
    bootId,
    defaultRuntimeClass: 'container',
  });
  const tls = () => ({ ca: connection.ca, certificate: connection.cert, key: connection.key });
  const handlers = {
    ...streamHandlers(agent.streams),
    ...imageHandlers({ images, spool: join(options.stateDirectory, 'spool') }),
  };
  try {
    await Promise.all([
      agent.run(signal),
      serveTunnel({ server: connection.server, tls, nodeName, handlers, signal, log }),
    ]);
  } finally {
    await client.close();
  }
}

/** The node process: `run-node CONFIG`. Ends at SIGTERM; pods go on running. */
export async function main([configFile = '']: readonly string[]): Promise<void> {
  const log = createLogger('node');
  const config = JSON.parse(await readFile(configFile, 'utf8')) as InstanceConfig; // Written by `up`.
  const layout = layoutOf(config.name);
  const engines = await createEngines({ layout, clock: systemClock, log });
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const images = createNodeImages(layout, { engines, log });
  await runNode(
    {
      connection: await nodeConnection(layout),
      nodeName: config.nodeName,
      stateDirectory: layout.nodeState,
      volumes: (sources) =>
        createNodeVolumes({
          stateDirectory: join(layout.nodeState, 'volumes'),
          memoryDirectory: join(layout.run, 'volumes'),
          sources,
          clock: systemClock,
        }),
      engines,
      network: await createNetwork({ layout, podCidr: config.podCidr, log }),
      images,
      clock: systemClock,
      log,
    },
    stop.signal,
  );
  await Promise.all([images.close(), ...engines.map((engine) => engine.close())]);
  log.info('node stopped');
}

export function createNodeImages(
  layout: Layout,
  { log }: { engines: readonly Engine[]; log: Logger },
): Images {
  return createImages({ directory: join(layout.nodeState, 'images'), clock: systemClock, log });
}

async function nodeConnection(layout: Layout): Promise<NodeOptions['connection']> {
  const path = join(layout.nodeState, 'kubeconfig');
  const { ca, cert, key, ...connection } = await readKubeconfig(path);
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new AmphoraError('HostLacks', `${path} has no certificates: run 'amphora up' again`);
  }
  return { ...connection, ca, cert, key };
}

/** Addresses others reach this machine by, IPv4 first. Bridges of ours and link-local addresses are none. */
function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const first = usable.find(({ family }) => family === 'IPv4') ?? usable[0];
  return [first?.address ?? '127.0.0.1'];
}
