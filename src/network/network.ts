import type { SandboxNetwork } from '../engines/sandbox-spec.ts';

/**
 * The network port: one network namespace and one address set per sandbox, whatever its class.
 * Every implementation passes `test/conformance/network.ts`.
 */
export interface Network {
  /** Makes the namespace and puts interfaces in it. Doing it again for the same id answers the same. */
  attach(
    request: AttachRequest,
    signal: AbortSignal,
  ): Promise<Extract<SandboxNetwork, { kind: 'namespace' }>>;
  /** Undoes attach, also a half-done one, from what was recorded before each acquisition. */
  detach(sandboxId: string, signal: AbortSignal): Promise<void>;
  /** @throws Unavailable with what is wrong when the attachment is no longer as it was made. */
  check(sandboxId: string, signal: AbortSignal): Promise<void>;
  /** Sandbox ids with anything attached. */
  list(signal: AbortSignal): Promise<readonly string[]>;
  /** Removes what the network shares between sandboxes (bridge, chains, tables); for `amphora down --purge`. */
  purge(signal: AbortSignal): Promise<void>;
}

export interface AttachRequest {
  readonly sandboxId: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly portMappings: readonly PortMapping[];
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
  readonly hostIp?: string;
}
