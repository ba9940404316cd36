import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { type ContainerRecord, sandboxIdOf } from '../pod/record.ts';
import { runHook } from '../probes/hook.ts';
import { containerSpecOf } from '../spec/container-spec.ts';
import { removeLog } from '../streams/log-files.ts';
import {
  requireContainer,
  requirePod,
  type StepContext,
  StepFailed,
  tell,
  updateContainer,
} from './context.ts';

interface StartStep {
  readonly container: string;
  readonly attempt: number;
}

export async function startContainer(step: StartStep, context: StepContext): Promise<void> {
  const { engine, store } = context;
  const name = step.container;
  const spec = await specFor(step, context);
  const sandboxId = sandboxIdOf(context.record());
  const before = context.record().containers[name];
  if (
    before !== undefined &&
    before.attempt < step.attempt &&
    before.sandboxAttempt === context.record().sandbox.attempt
  )
    await engine.remove({ sandboxId, container: name }, context.signal);
  await context.update((record) => ({
    ...record,
    containers: { ...record.containers, [name]: startingRecord(step, before, record.sandbox.attempt) },
  }));
  try {
    await engine.start(sandboxId, spec, context.signal);
  } catch (error) {
    await startFailed(step, context, error);
    return;
  }
  const container = requireContainer(requirePod(context), name);
  await updateContainer(context, name, (record) => ({
    ...record,
    ...(record.phase === 'starting' ? { phase: 'running', startedAt: context.options.clock.now() } : {}),
    postStarted: container.lifecycle?.postStart === undefined,
    started: container.startupProbe === undefined,
  }));
  // The log before the last one is nobody's any more.
  if (step.attempt >= 2) await removeLog(store.logPath(context.record(), name, step.attempt - 2));
}

async function specFor(step: StartStep, context: StepContext) {
  const { options, store, prepared } = context;
  const pod = requirePod(context);
  const container = requireContainer(pod, step.container);
  const record = context.record();
  try {
    const known = prepared.images.get(step.container)?.image;
    const image =
      known ?? (await options.images.find(record.images[step.container]?.id ?? container.image ?? ''));
    if (image === undefined)
      throw new StepFailed('CreateContainerError', `image ${container.image} is no longer present`);
    return await containerSpecOf(options, {
      pod,
      container,
      image,
      attempt: step.attempt,
      podIps: record.addresses,
      logPath: store.logPath(record, step.container, step.attempt),
      terminationLogPath: store.terminationPath(record, step.container, step.attempt),
      signal: context.signal,
    });
  } catch (error) {
    const failed = error instanceof StepFailed ? error : new StepFailed('CreateContainerConfigError', error);
    void tell(context, {
      type: 'Warning',
      reason: 'Failed',
      message: `Error: ${failed.message}`,
      container: step.container,
    });
    throw failed;
  }
}

function startingRecord(
  step: StartStep,
  before: ContainerRecord | undefined,
  sandboxAttempt: number,
): ContainerRecord {
  const previous = before?.termination ?? before?.previous;
  return {
    attempt: step.attempt,
    sandboxAttempt,
    phase: 'starting',
    crashes: before?.crashes ?? 0,
    postStarted: false,
    started: false,
    reportedAttempt: before?.reportedAttempt ?? -1,
    ...(previous === undefined ? {} : { previous }),
  };
}

/** What the engine reports as an ended attempt is a crash like any other; the rest is tried again as it is. */
async function startFailed(step: StartStep, context: StepContext, error: unknown): Promise<void> {
  if (context.signal.aborted) throw error;
  const failed = new StepFailed('RunContainerError', error);
  void tell(context, {
    type: 'Warning',
    reason: 'Failed',
    message: `Error: ${failed.message}`,
    container: step.container,
  });
  const seen = await context.engine.inspect(sandboxIdOf(context.record()), context.signal);
  const ended = seen?.containers.some(
    (one) => one.name === step.container && one.attempt === step.attempt && one.state === 'exited',
  );
  if (ended !== true) throw failed;
}

export async function runPostStart(
  step: { readonly container: string },
  context: StepContext,
): Promise<void> {
  const pod = requirePod(context);
  const container = requireContainer(pod, step.container);
  const handler = container.lifecycle?.postStart;
  const target = { sandboxId: sandboxIdOf(context.record()), container: step.container };
  try {
    if (handler !== undefined) {
      await runHook(handler, {
        ...context.options,
        engine: context.engine,
        target,
        spec: container,
        podIps: context.record().addresses,
        signal: context.signal,
      });
    }
  } catch (error) {
    if (context.signal.aborted) throw error;
    const message = `PostStartHook failed: ${new StepFailed('', error).message}`;
    void tell(context, {
      type: 'Warning',
      reason: 'FailedPostStartHook',
      message,
      container: step.container,
    });
    void tell(context, {
      type: 'Normal',
      reason: 'Killing',
      message: 'FailedPostStartHook',
      container: step.container,
    });
    await context.engine.stop(target, { graceMs: LIMITS.minimumGraceMs }, context.signal);
    return;
  }
  await updateContainer(context, step.container, (record) => ({
    ...record,
    postStarted: true,
    // Not yet so when the agent died between the start and writing it down.
    started: record.started || container.startupProbe === undefined,
  }));
}

export async function stopContainer(
  step: { readonly container: string; readonly graceMs: number; readonly message: string },
  context: StepContext,
): Promise<void> {
  const { clock } = context.options;
  const pod = requirePod(context);
  const container = requireContainer(pod, step.container);
  const target = { sandboxId: sandboxIdOf(context.record()), container: step.container };
  void tell(context, { type: 'Normal', reason: 'Killing', message: step.message, container: step.container });
  const begun = clock.now();
  const handler = container.lifecycle?.preStop;
  if (handler !== undefined) {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(step.graceMs)]);
    await runHook(handler, {
      ...context.options,
      engine: context.engine,
      target,
      spec: container,
      podIps: context.record().addresses,
      signal,
    }).catch((error: unknown) => {
      if (context.signal.aborted) throw error;
      const message = `PreStopHook failed: ${new StepFailed('', error).message}`;
      void tell(context, {
        type: 'Warning',
        reason: 'FailedPreStopHook',
        message,
        container: step.container,
      });
    });
  }
  const graceMs = Math.max(step.graceMs - (clock.now() - begun), LIMITS.minimumGraceMs);
  await context.engine.stop(target, { graceMs }, context.signal).catch((error: unknown) => {
    if (!isCode(error, 'NotFound')) throw error;
  });
}
