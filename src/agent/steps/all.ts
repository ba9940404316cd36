import { isCode } from '../../lib/errors.ts';
import type { Step } from '../pod/state.ts';
import { runPostStart, startContainer, stopContainer } from './container.ts';
import type { Executors, StepContext } from './context.ts';
import { prepareImage } from './prepare-image.ts';
import {
  attachNetwork,
  createSandbox,
  prepareVolumes,
  removeSandbox,
  stopAll,
  teardownVolumes,
} from './sandbox.ts';

/** How each step is done; one that is missing does not compile. */
const EXECUTORS: Executors = {
  'prepare-image': prepareImage,
  'prepare-volumes': prepareVolumes,
  'attach-network': attachNetwork,
  'create-sandbox': createSandbox,
  'start-container': startContainer,
  'run-post-start': runPostStart,
  'stop-container': stopContainer,
  'stop-all': stopAll,
  'remove-sandbox': removeSandbox,
  'teardown-volumes': teardownVolumes,
  'end-pod': (_step, context) => context.update((record) => ({ ...record, ended: true })),
  'delete-pod': deletePod,
  forget: (_step, context) => context.forget(),
};

export function execute(step: Step, context: StepContext): Promise<void> {
  // The record is typed by kind, so the executor under a step's kind takes that step; TypeScript cannot follow it.
  const executor = EXECUTORS[step.kind] as (step: Step, context: StepContext) => Promise<void>;
  return executor(step, context);
}

/** The API lets go of the pod only now, when nothing of it runs; the UID keeps a namesake safe. */
async function deletePod(_step: object, context: StepContext): Promise<void> {
  await context.status.flush();
  const { namespace, name, uid } = context.record();
  try {
    await context.options.client.delete(
      { apiVersion: 'v1', resource: 'pods', namespace, name },
      { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } },
      { signal: context.signal },
    );
  } catch (error) {
    if (!isCode(error, 'NotFound', 'Conflict')) throw error;
  }
}
