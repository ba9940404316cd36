import type { ConfigMap, Pod, Secret } from '../api/types.generated.ts';
import type { PreparedVolume } from '../engines/sandbox-spec.ts';

/**
 * The volume port of the node: what a pod's `spec.volumes` say becomes plain values that a container engine
 * and a VM engine both understand. Every call is idempotent.
 */
export interface Volumes {
  /**
   * Makes every volume of the pod, or brings those that are files of ours up to date.
   * @throws NotFound naming the missing ConfigMap or Secret; NotImplemented naming a kind that is not supported;
   * BadRequest for a host path of another type than asked for.
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<PodVolumes>;
  /** Unmounts and removes what was made for a pod. */
  teardown(podUid: string, signal: AbortSignal): Promise<void>;
  /** UIDs of pods with anything here. */
  list(): Promise<readonly string[]>;
}

export interface PodVolumes {
  /** By volume name. */
  readonly volumes: Readonly<Record<string, PreparedVolume>>;
  /** Whether files were written anew since the last call: engines that copy them must copy again. */
  readonly changed: boolean;
  /** Milliseconds since the epoch at which a token in them wants to be renewed. */
  readonly refreshAt?: number;
}

/** What the volumes ask the rest of the node for. */
export interface VolumeSources {
  /** Undefined when there is none of that name. */
  configMap(namespace: string, name: string, signal: AbortSignal): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  token(request: TokenSource, signal: AbortSignal): Promise<ServiceToken>;
  /** The value of a downward API field of the pod. @throws Invalid for a path that names none. */
  field(pod: Pod, path: string): string;
  resource(pod: Pod, selector: { containerName?: string; resource: string; divisor?: string }): string;
}

export interface TokenSource {
  readonly pod: Pod;
  readonly audience?: string;
  readonly expirationSeconds: number;
}

export interface ServiceToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
