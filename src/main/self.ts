import { programFile } from '../lib/program-files.ts';

/** V8 limits of each process: young generations small enough that idle memory stays low, old ones large enough for load. */
const HEAP_FLAGS = { server: ['--max-semi-space-size=4'], node: ['--max-semi-space-size=2'] } as const;

/** The command that starts this very program again: the bundle when this is one, else the source. */
export function selfCommand(role: 'server' | 'node'): readonly [string, ...string[]] {
  const entry = programFile('main/amphora');
  return [process.execPath, '--disable-warning=ExperimentalWarning', ...HEAP_FLAGS[role], entry];
}
