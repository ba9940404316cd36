import { CONTROLLERS } from './all.ts';
import { type ControllerParts, runController } from './controller.ts';

/** Runs every controller until the signal aborts; who made the informers runs those. */
export async function runControllers(parts: ControllerParts, signal: AbortSignal): Promise<void> {
  await Promise.all(CONTROLLERS.map((create) => runController(create(parts), parts, signal)));
}
