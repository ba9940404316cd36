import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { identityOf } from '../options.ts';
import { sandboxIdOf } from '../pod/record.ts';
import { addressesOf, portMappingsOf, sandboxSpecOf } from '../spec/sandbox-spec-of.ts';
import { requirePod, type StepContext, StepFailed, tell } from './context.ts';

export async function prepareVolumes(_step: object, context: StepContext): Promise<void> {
  const { options, prepared } = context;
  try {
    const made = await options.volumes.prepare(requirePod(context), context.signal);
    prepared.volumes = made.volumes;
    const files = Object.values(made.volumes).some(({ kind }) => kind === 'files');
    const next = options.clock.now() + (files ? LIMITS.volumeRefreshMs : LIMITS.podResyncMs);
    prepared.volumesDueAt = Math.min(next, made.refreshAt ?? next);
    const record = context.record();
    if (made.changed && record.sandbox.phase === 'made')
      await context.engine.capabilities.refresh?.(sandboxIdOf(record), context.signal);
  } catch (error) {
    const failed = new StepFailed('ContainerCreating', error);
    // An API that does not answer is no fault of the pod's: the step is tried again, and nobody is frightened.
    if (!context.signal.aborted && !isCode(error, 'Unavailable'))
      void tell(context, { type: 'Warning', reason: 'FailedMount', message: failed.message });
    throw failed;
  }
}

export async function attachNetwork(_step: object, context: StepContext): Promise<void> {
  const { options, prepared } = context;
  const pod = requirePod(context);
  if (pod.spec?.hostNetwork === true) {
    prepared.network = { kind: 'host' };
    return;
  }
  const { uid, namespace, name } = identityOf(pod);
  // Written before the first acquisition, so that whoever comes after a crash knows there is something to undo.
  await context.update((record) => ({ ...record, sandbox: { ...record.sandbox, phase: 'creating' } }));
  const request = {
    sandboxId: sandboxIdOf(context.record()),
    podUid: uid,
    podNamespace: namespace,
    podName: name,
    portMappings: portMappingsOf(pod),
  };
  const network = await options.network
    .attach(request, context.signal)
    .catch((error: unknown) => sandboxFailed(context, error));
  prepared.network = network;
  await context.update((record) => ({ ...record, addresses: addressesOf(network) }));
}

export async function createSandbox(_step: object, context: StepContext): Promise<void> {
  const { options, prepared, engine } = context;
  const record = context.record();
  const { network, volumes } = prepared;
  if (network === undefined || volumes === undefined) return;
  await context.update((one) => ({ ...one, sandbox: { ...one.sandbox, phase: 'creating' } }));
  const spec = sandboxSpecOf(options, requirePod(context), {
    id: sandboxIdOf(record),
    runtimeClass: record.runtimeClass,
    network,
    volumes,
    roots: Object.fromEntries([...prepared.images].map(([name, { root }]) => [name, root])),
  });
  await engine.create(spec, context.signal).catch((error: unknown) => sandboxFailed(context, error));
  await context.update((one) => ({ ...one, sandbox: { ...one.sandbox, phase: 'made' } }));
}

function sandboxFailed(context: StepContext, error: unknown): never {
  const failed = new StepFailed('ContainerCreating', error);
  if (!context.signal.aborted) {
    void tell(context, {
      type: 'Warning',
      reason: 'FailedCreatePodSandBox',
      message: `Failed to create pod sandbox: ${failed.message}`,
    });
  }
  throw failed;
}

export async function stopAll(step: { readonly graceMs: number }, context: StepContext): Promise<void> {
  const sandboxId = sandboxIdOf(context.record());
  await context.engine.stop({ sandboxId }, { graceMs: step.graceMs }, context.signal);
}

/** The next sandbox gets a new number, because an id is never used twice. */
export async function removeSandbox(_step: object, context: StepContext): Promise<void> {
  const sandboxId = sandboxIdOf(context.record());
  await context.engine.remove({ sandboxId }, context.signal);
  await context.options.network.detach(sandboxId, context.signal);
  context.prepared.network = undefined;
  await context.update((record) => ({
    ...record,
    sandbox: { attempt: record.sandbox.attempt + 1, phase: 'none' },
  }));
}

export async function teardownVolumes(_step: object, context: StepContext): Promise<void> {
  await context.options.volumes.teardown(context.record().uid, context.signal);
  context.prepared.volumes = undefined;
  context.prepared.volumesGone = true;
}
