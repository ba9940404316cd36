import type { Duplex, Readable, Writable } from 'node:stream';
import type { ClassFingerprint, ContainerSpec, ExecSpec, SandboxSpec, TerminalSize } from './sandbox-spec.ts';

/**
 * The runtime port. One engine runs sandboxes (pods) of one or more runtime classes; every engine passes
 * `test/conformance/engine.ts`, the fake one included. What an engine can do beyond this stands in
 * {@link Engine.capabilities}.
 *
 * Every call is idempotent: doing again what is done succeeds. Truth is what `inspect` says; events only
 * wake whoever waits. Nothing here may assume that the calling process lives as long as the workload.
 */
export interface Engine {
  readonly name: string;
  readonly capabilities: Capabilities;

  /** Which classes run here and, for each that does not, why and what to do. Probes the machine; the caller caches. */
  fingerprint(signal: AbortSignal): Promise<readonly ClassFingerprint[]>;

  /** Makes the sandbox (namespaces and cgroup, or a VM) with the roots and volumes it will ever need; runs nothing of the user's. */
  create(spec: SandboxSpec, signal: AbortSignal): Promise<void>;

  /**
   * Starts one attempt of one container.
   * @throws ProcessFailed when the process could not be started (no such file, no permission): the attempt is
   * then reported as exited with 127 or 126 by `inspect`.
   */
  start(sandboxId: string, spec: ContainerSpec, signal: AbortSignal): Promise<void>;

  /** Signals, waits up to `graceMs`, then kills; resolves when the target has ended. Without a container: all of them. */
  stop(target: Target, options: StopOptions, signal: AbortSignal): Promise<void>;

  /** Removes what is left of an ended container attempt, or the whole sandbox (killing what still runs) with all it owned. */
  remove(target: Target, signal: AbortSignal): Promise<void>;

  inspect(sandboxId: string, signal: AbortSignal): Promise<SandboxStatus | undefined>;

  /** Every sandbox of this engine on this machine, also those made by an earlier process. */
  list(signal: AbortSignal): Promise<readonly SandboxStatus[]>;

  /** The ids of sandboxes in which something changed. Ends when the signal aborts. */
  events(signal: AbortSignal): AsyncIterable<string>;

  /** Run once at start: adopts what runs, and removes what a crash left half made. */
  recover(signal: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

/** A whole sandbox, or the newest attempt of one container in it. */
export interface Target {
  readonly sandboxId: string;
  readonly container?: string;
}

export interface StopOptions {
  /** Milliseconds between the stop signal and SIGKILL. */
  readonly graceMs: number;
}

export interface SandboxStatus {
  readonly id: string;
  readonly podUid: string;
  readonly runtimeClass: string;
  /** `lost`: the VM or the gVisor kernel died under its containers; the sandbox must be removed and made anew. */
  readonly phase: 'ready' | 'lost';
  /** Newest attempt of each container ever started and not removed. */
  readonly containers: readonly ContainerStatus[];
  /** What `uname -r` says inside, where the engine knows. */
  readonly kernel?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly attempt: number;
  readonly state: 'created' | 'running' | 'exited';
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** As a shell says it: 128 + signal for a process killed by a signal. */
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** Why it could not start or was ended, for `state.terminated.message`. */
  readonly message?: string;
}

export interface Capabilities {
  readonly exec?: Exec;
  readonly attach?: Attach;
  readonly dial?: Dial;
  readonly stats?: Stats;
  readonly refresh?: Refresh;
  readonly reopenLog?: ReopenLog;
}

/** Copies `files` volumes that changed on the host once more; absent where the sandbox sees them live. */
export type Refresh = (sandboxId: string, signal: AbortSignal) => Promise<void>;

/** Goes on in a new file at the container's log path, once the old one was renamed; no line is lost in between. */
export type ReopenLog = (target: Required<Target>, signal: AbortSignal) => Promise<void>;

/** Runs one more process in a running container. Aborting the signal kills it. */
export type Exec = (
  target: Required<Target>,
  spec: ExecSpec,
  io: ProcessIo,
  signal: AbortSignal,
) => Promise<{ exitCode: number }>;

/** Joins the streams of the container's first process. Resolves when it ends or the signal aborts. */
export type Attach = (target: Required<Target>, io: ProcessIo, signal: AbortSignal) => Promise<void>;

/** A TCP connection to `127.0.0.1:port` as seen inside the sandbox, for port-forward and for probes. */
export type Dial = (sandboxId: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export type Stats = (sandboxId: string, signal: AbortSignal) => Promise<SandboxStats>;

/** Streams are ended by the engine (stdout, stderr) or by the caller (stdin); back-pressure is the streams' own. */
export interface ProcessIo {
  readonly stdin?: Readable;
  readonly stdout: Writable;
  /** With a terminal everything goes to stdout. */
  readonly stderr: Writable;
  readonly resize?: AsyncIterable<TerminalSize>;
}

export interface SandboxStats {
  /** Milliseconds since the epoch at which it was read. */
  readonly at: number;
  /** CPU time used since the sandbox began, in nanoseconds. */
  readonly cpuNanoseconds: number;
  /** Bytes the machine cannot use for something else while this sandbox runs: what it costs, monitors and VMM included. */
  readonly memoryBytes: number;
  /** As metrics.k8s.io means it: in use and not easily reclaimed. */
  readonly workingSetBytes: number;
  readonly pids: number;
}
