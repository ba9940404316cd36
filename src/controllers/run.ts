import { CONTROLLERS } from './all.ts';
import { type ControllerParts, runController } from './controller.ts';
import { createInformers } from './informers.ts';

/** Runs every controller, and the informers they share, until the signal aborts. */
export async function runControllers(
  parts: Omit<ControllerParts, 'informers'>,
  signal: AbortSignal,
): Promise<void> {
  const informers = createInformers(parts.client, { clock: parts.clock, log: parts.log });
  const whole = { ...parts, informers };
  await Promise.all([
    ...Object.values(informers).map((informer) => informer.run(signal)),
    ...CONTROLLERS.map((create) => runController(create(whole), whole, signal)),
  ]);
}
