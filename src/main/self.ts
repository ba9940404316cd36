import { join } from 'node:path';
import type { InstalledProgram } from './install-program.ts';
import type { Layout } from './instance.ts';

type Role = 'server' | 'node';

/**
 * V8 flags of each process. Young generations small enough that idle memory stays low. The node waits for programs and
 * disks, so that it trades speed for size; the server computes, and does not.
 */
const HEAP_FLAGS = {
  server: ['--max-semi-space-size=8'],
  node: ['--max-semi-space-size=1', '--optimize-for-size'],
} as const;

/** The command that starts one of the two processes from an installed program. */
export function selfCommand(
  role: Role,
  { runtime, entry }: InstalledProgram,
): readonly [string, ...string[]] {
  return [runtime, '--disable-warning=ExperimentalWarning', ...HEAP_FLAGS[role], entry];
}

/**
 * Variables of its environment that make it start faster and stay smaller. Compiled code is kept in the process's own
 * state directory, which nobody else can write: who could, would choose what runs.
 */
export function selfEnvironment(role: Role, layout: Layout): Readonly<Record<string, string>> {
  const state = role === 'server' ? layout.serverState : layout.nodeState;
  return {
    NODE_COMPILE_CACHE: join(state, 'compiled'),
    // One heap of the C library per thread costs memory that few threads are worth.
    MALLOC_ARENA_MAX: '2',
  };
}
