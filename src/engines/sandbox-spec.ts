/**
 * What an engine is given. A Pod and a VirtualMachineInstance both become this before any engine sees them;
 * it names no Kubernetes type, and every path in it is on the host, made by us, and absolute.
 */
export interface SandboxSpec {
  /** `[a-z0-9-]{1,63}`, unique on the machine over all time: the pod's UID, a dash, the sandbox's attempt. */
  readonly id: string;
  readonly podUid: string;
  readonly podNamespace: string;
  readonly podName: string;
  /** Boot id of the machine when the sandbox was made; what carries another one is gone. */
  readonly bootId: string;
  readonly runtimeClass: string;
  readonly hostname: string;
  readonly network: SandboxNetwork;
  readonly dns: DnsConfig;
  /** Extra lines of `/etc/hosts`. */
  readonly hostAliases: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
  /** Limits of all containers together; a VM is sized by them. */
  readonly resources: Resources;
  readonly sharePidNamespace: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** Name → value, already checked against what the class allows. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Prepared root of every container that will ever start here, init containers included, by container name. */
  readonly roots: Readonly<Record<string, PreparedRoot>>;
  /** By volume name. */
  readonly volumes: Readonly<Record<string, PreparedVolume>>;
}

export type SandboxNetwork =
  | { readonly kind: 'host' }
  | {
      readonly kind: 'namespace';
      /** A bind-mounted network namespace with its interfaces in it. */
      readonly path: string;
      readonly interfaces: readonly NetworkInterface[];
    };

export interface NetworkInterface {
  /** As seen in the sandbox: `eth0`. */
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** With prefix: `10.88.0.7/16`, `fd00::7/64`. */
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly destination: string; readonly gateway?: string }[];
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** Undefined means no limit. */
export interface Resources {
  readonly memoryBytes?: number;
  readonly memoryRequestBytes?: number;
  /** Thousandths of a CPU. */
  readonly cpuLimitMillis?: number;
  readonly cpuRequestMillis?: number;
  readonly pids?: number;
}

/** The read-only file system of an image; the engine puts a writable layer of its own on top. */
export type PreparedRoot =
  | {
      readonly kind: 'layers';
      readonly imageId: string;
      /** Unpacked layer directories, topmost first, as overlayfs's `lowerdir` wants them. */
      readonly directories: readonly string[];
    }
  | {
      readonly kind: 'block';
      readonly imageId: string;
      /** A file that holds the whole root as one file system. */
      readonly path: string;
      readonly format: 'erofs' | 'ext4';
    };

export type PreparedVolume =
  /** emptyDir: a directory that is made for this sandbox. An engine that shares no directories makes its own inside. */
  | {
      readonly kind: 'scratch';
      readonly path: string;
      readonly medium: 'disk' | 'memory';
      readonly sizeBytes?: number;
    }
  /** Small files written by us (ConfigMap, Secret, projected): the engine may copy them, and copies again when told. */
  | { readonly kind: 'files'; readonly path: string }
  /** A directory or file of the host, shared live. */
  | { readonly kind: 'directory'; readonly path: string };

export interface ContainerSpec {
  readonly name: string;
  /** Counts restarts: 0, 1, … */
  readonly attempt: number;
  readonly process: ProcessSpec;
  readonly mounts: readonly Mount[];
  readonly resources: Resources;
  readonly readOnlyRoot: boolean;
  readonly security: SecuritySpec;
  /** CRI log format, one file per attempt: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md */
  readonly logPath: string;
  /** Inside the container: where the process may write why it ended; read back into `state.terminated.message`. */
  readonly terminationMessageFile?: string;
  /** On the host: the file that shows through there; the engine's own where left out. */
  readonly terminationLogPath?: string;
  /** `SIGTERM` unless the image or the pod says otherwise. */
  readonly stopSignal: string;
}

export interface ProcessSpec {
  readonly args: readonly [string, ...string[]];
  /** `NAME=value`, complete. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: UserSpec;
  readonly terminal: boolean;
  /** Whether stdin is kept open for attach. */
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
}

/** Numeric; names were resolved against the image's /etc/passwd and /etc/group. */
export interface UserSpec {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

export interface SecuritySpec {
  readonly privileged: boolean;
  readonly noNewPrivileges: boolean;
  /** Effective, permitted, bounding: `CAP_NET_BIND_SERVICE`, … */
  readonly capabilities: readonly string[];
  readonly seccomp: 'default' | 'unconfined';
  readonly oomScoreAdj: number;
}

export interface Mount {
  /** A key of {@link SandboxSpec.volumes}. */
  readonly volume: string;
  /** Below the volume, relative, resolved inside it by the engine without following links out of it; empty for all of it. */
  readonly subPath: string;
  readonly destination: string;
  readonly readOnly: boolean;
  readonly propagation: 'private' | 'hostToContainer' | 'bidirectional';
}

export interface ExecSpec {
  readonly args: readonly [string, ...string[]];
  readonly terminal: boolean;
  readonly size?: TerminalSize;
}

/** Characters. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Whether a runtime class runs on this machine. */
export interface ClassFingerprint {
  readonly runtimeClass: string;
  readonly available: boolean;
  /** `runc 1.1.5`, `qemu 7.2.22 (tcg)`. */
  readonly version: string;
  /** Why not, and what to do about it; empty when available. */
  readonly reason: string;
  /** Parts of a pod this class can't do yet, by pod field path, e.g. `spec.shareProcessNamespace`; refused by name. */
  readonly unsupported: readonly string[];
  /** Memory a sandbox costs beyond its containers, in bytes. */
  readonly overheadBytes: number;
}
