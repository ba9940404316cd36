import type { PodRecord } from './record.ts';

/** One thing to do for a pod. All steps of one plan are independent of each other. */
export type Step =
  | { readonly kind: 'prepare-image'; readonly container: string }
  | { readonly kind: 'prepare-volumes' }
  | { readonly kind: 'attach-network' }
  | { readonly kind: 'create-sandbox' }
  | { readonly kind: 'start-container'; readonly container: string; readonly attempt: number }
  | { readonly kind: 'run-post-start'; readonly container: string }
  | {
      readonly kind: 'stop-container';
      readonly container: string;
      readonly graceMs: number;
      /** For the event. */
      readonly message: string;
    }
  | { readonly kind: 'stop-all'; readonly graceMs: number }
  | { readonly kind: 'remove-sandbox' }
  | { readonly kind: 'teardown-volumes' }
  | { readonly kind: 'end-pod' }
  | { readonly kind: 'delete-pod' }
  | { readonly kind: 'forget' };

export type StepKind = Step['kind'];

/** Two steps of the same key are never done at once. */
export function stepKey(step: Step): string {
  return 'container' in step ? `${step.kind}/${step.container}` : step.kind;
}

/** Everything a plan depends on besides the pod and the time. */
export interface PodState {
  readonly record: PodRecord;
  /** What the engine says about the sandbox of the record. */
  readonly sandbox: 'none' | 'ready' | 'lost';
  readonly prepared: {
    readonly images: ReadonlySet<string>;
    readonly volumes: boolean;
    readonly network: boolean;
  };
  /** By container name; absent while nothing was probed. */
  readonly probes: ReadonlyMap<string, ProbeState>;
  readonly failures: ReadonlyMap<string, StepFailure>;
  readonly inFlight: ReadonlySet<string>;
  /** What of this pod its runtime class cannot do; such a pod is never started. */
  readonly refusal?: { readonly reason: string; readonly message: string };
  readonly volumesLeft: boolean;
}

export interface ProbeState {
  readonly startup: 'none' | 'pending' | 'passed' | 'failed';
  readonly liveness: 'ok' | 'failed';
  readonly ready: boolean;
}

export interface StepFailure {
  /** As `state.waiting.reason` says it: `ErrImagePull`, `CreateContainerConfigError`, … */
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly retryAt: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Milliseconds since the epoch at which to plan again although nothing changed. */
  readonly wakeAt?: number;
}
