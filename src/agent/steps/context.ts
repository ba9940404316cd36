import type { Container, Pod } from '../../api/types.generated.ts';
import type { Engine } from '../../engines/engine.ts';
import type { PreparedRoot, PreparedVolume, SandboxNetwork } from '../../engines/sandbox-spec.ts';
import type { Image } from '../../images/images.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { EventRecorder } from '../events.ts';
import { podReference } from '../events.ts';
import type { AgentOptions } from '../options.ts';
import { allContainers } from '../plan.ts';
import type { ContainerRecord, PodRecord } from '../pod/record.ts';
import type { RecordStore } from '../pod/record-store.ts';
import { isInit } from '../pod/restart.ts';
import type { Step, StepKind } from '../pod/state.ts';
import type { StatusWriter } from '../status/status-writer.ts';

/** What was made ready for a sandbox that is not there yet. Lost with the process, and made again. */
export interface Prepared {
  readonly images: Map<string, { readonly image: Image; readonly root: PreparedRoot }>;
  volumes: Readonly<Record<string, PreparedVolume>> | undefined;
  /** Milliseconds since the epoch at which the volumes' files want to be looked at again. */
  volumesDueAt: number;
  volumesGone: boolean;
  network: SandboxNetwork | undefined;
}

export interface StepContext {
  readonly options: AgentOptions;
  readonly engine: Engine;
  readonly store: RecordStore;
  readonly events: EventRecorder;
  readonly status: StatusWriter;
  readonly prepared: Prepared;
  readonly signal: AbortSignal;
  readonly pod: () => Pod | undefined;
  readonly record: () => PodRecord;
  readonly update: (change: (record: PodRecord) => PodRecord) => Promise<void>;
  /** Removes the record and the logs for good. */
  readonly forget: () => Promise<void>;
}

export type Executors = {
  readonly [K in StepKind]: (step: Extract<Step, { kind: K }>, context: StepContext) => Promise<void>;
};

/** A step that failed with a reason the pod's status should carry. */
export class StepFailed extends Error {
  readonly reason: string;

  constructor(reason: string, error: unknown) {
    super(AmphoraError.from(error).message, { cause: error });
    this.name = 'StepFailed';
    this.reason = reason;
  }
}

export function requirePod(context: StepContext): Pod {
  const pod = context.pod();
  if (pod === undefined) throw new AmphoraError('Gone', 'the pod is gone');
  return pod;
}

export function requireContainer(pod: Pod, name: string): Container {
  const container = allContainers(pod).find((one) => one.name === name);
  if (container === undefined) throw new AmphoraError('Gone', `the pod has no container ${name}`);
  return container;
}

export function tell(
  context: StepContext,
  event: {
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly message: string;
    readonly container?: string;
  },
): Promise<boolean> {
  const { namespace, name, uid } = context.record();
  const pod = context.pod();
  const container =
    pod === undefined ? undefined : allContainers(pod).find((one) => one.name === event.container);
  const field =
    container === undefined || pod === undefined
      ? undefined
      : { name: container.name, init: isInit(pod, container) };
  const { type, reason, message } = event;
  return context.events.record({
    about: podReference({ namespace, name, uid }, field),
    type,
    reason,
    message,
  });
}

export function updateContainer(
  context: StepContext,
  name: string,
  change: (container: ContainerRecord) => ContainerRecord,
): Promise<void> {
  return context.update((record) => {
    const container = record.containers[name];
    if (container === undefined) return record;
    return { ...record, containers: { ...record.containers, [name]: change(container) } };
  });
}
