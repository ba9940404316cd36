import type { Engine } from '../engines/engine.ts';
import { LIMITS } from '../lib/limits.ts';
import type { AgentOptions } from './options.ts';
import { type PodRecord, sandboxIdOf } from './pod/record.ts';
import type { RecordStore } from './pod/record-store.ts';
import { currentContainer } from './pod/restart.ts';
import { rotateLog } from './streams/log-files.ts';

export interface Rotated {
  readonly record: PodRecord;
  readonly engine: Engine;
}

/** Looks at the logs of running containers now and then, until the signal aborts. */
export async function keepLogsSmall(
  options: Pick<AgentOptions, 'clock' | 'log'>,
  of: { readonly store: RecordStore; readonly pods: () => readonly Rotated[] },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const pod of of.pods()) {
      await rotatePod(pod, of.store, signal).catch((error: unknown) => {
        if (!signal.aborted) options.log.warn({ err: error, pod: pod.record.name }, 'log not rotated');
      });
    }
    await options.clock.sleep(LIMITS.logCheckMs, signal).catch(() => {});
  }
}

async function rotatePod(
  { record, engine }: Rotated,
  store: RecordStore,
  signal: AbortSignal,
): Promise<void> {
  const { reopenLog } = engine.capabilities;
  if (reopenLog === undefined) return;
  for (const container of Object.keys(record.containers)) {
    const current = currentContainer(record, container);
    if (current?.phase !== 'running') continue;
    const target = { sandboxId: sandboxIdOf(record), container };
    await rotateLog(store.logPath(record, container, current.attempt), () => reopenLog(target, signal));
  }
}
