/**
 * What the agent must remember of a pod beyond what the engine and the API say. Written to
 * `pods/<uid>/record.json` before and after each acquisition; without flushing, because after a power
 * failure nothing of what it describes runs any more.
 */
export interface PodRecord {
  readonly format: 1;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly engine: string;
  readonly runtimeClass: string;
  readonly sandbox: SandboxRecord;
  /** Pod IPs of the sandbox. */
  readonly addresses: readonly string[];
  readonly containers: Readonly<Record<string, ContainerRecord>>;
  /** By container name: which image it runs. */
  readonly images: Readonly<Record<string, ImageRecord>>;
  /** Milliseconds since the epoch: when the agent first saw the pod. */
  readonly startTime: number;
  /** Why the node ended the pod by itself; final. */
  readonly verdict?: { readonly reason: string; readonly message: string };
  /** The phase is final: nothing of this pod starts again. */
  readonly ended: boolean;
}

export interface SandboxRecord {
  readonly attempt: number;
  readonly phase: 'none' | 'creating' | 'made';
}

export interface ImageRecord {
  readonly id: string;
  /** `name@sha256:…` where known, else the id. */
  readonly imageId: string;
}

export interface ContainerRecord {
  /** Counts restarts over the pod's whole life. */
  readonly attempt: number;
  /** Attempt of the sandbox it was started in. */
  readonly sandboxAttempt: number;
  readonly phase: 'starting' | 'running' | 'exited';
  readonly startedAt?: number;
  readonly termination?: Termination;
  /** How the attempt before ended. */
  readonly previous?: Termination;
  /** Crashes in a row, for the back-off. */
  readonly crashes: number;
  /** Whether the postStart hook and the startup probe are behind it. */
  readonly postStarted: boolean;
  readonly started: boolean;
  /** The newest attempt whose start was told as events. */
  readonly reportedAttempt: number;
}

export interface Termination {
  readonly attempt: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

export function sandboxIdOf(record: Pick<PodRecord, 'uid' | 'sandbox'>): string {
  return `${record.uid}-${record.sandbox.attempt}`;
}

/** The pod's UID in a sandbox id. */
export function podUidOf(sandboxId: string): string {
  return sandboxId.slice(0, sandboxId.lastIndexOf('-'));
}

export function newRecord(
  pod: { readonly uid: string; readonly namespace: string; readonly name: string },
  where: { readonly engine: string; readonly runtimeClass: string; readonly now: number },
): PodRecord {
  return {
    format: 1,
    ...pod,
    engine: where.engine,
    runtimeClass: where.runtimeClass,
    sandbox: { attempt: 0, phase: 'none' },
    addresses: [],
    containers: {},
    images: {},
    startTime: where.now,
    ended: false,
  };
}
