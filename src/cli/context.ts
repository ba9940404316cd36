import type { WriteStream } from 'node:tty';
import type { Platform } from './platform.ts';
import type { Progress } from './progress.ts';

/** What a verb gets to work with; tests give their own. */
export interface CliContext {
  /** Loads the platform of one instance; verbs that only print do not pay for it. */
  readonly platform: (instance: string) => Promise<Platform>;
  readonly out: WriteStream;
  readonly err: WriteStream;
  readonly progress: Progress;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Asks a yes-or-no question on the terminal; `undefined` where there is none to ask. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
}
