import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Findings, Told } from './verify.ts';

export interface Question {
  readonly directory: string;
  readonly told: Told;
}

export type Answer = { readonly findings: Findings } | { readonly error: string };

/**
 * Looks at stores in a process of its own: reading a file of LMDB whose pages never reached the disk ends the reader
 * with SIGBUS, and that is a finding too.
 */
export class Verifier implements AsyncDisposable {
  #child: ChildProcess | undefined;

  async verify(question: Question): Promise<Findings> {
    this.#child ??= fork(join(import.meta.dirname, 'verifier-child.ts'), {
      env: { PATH: process.env.PATH },
      serialization: 'advanced',
    });
    const child = this.#child;
    const ended = new AbortController();
    const answered = once(child, 'message', { signal: ended.signal }).then(([message]): Answer => message);
    const died = once(child, 'exit', { signal: ended.signal }).then(([code, killer]) => {
      this.#child = undefined;
      return { error: `lost: reading the store ended the reader with ${killer ?? code}` };
    });
    // The one that comes second is called off below.
    for (const one of [answered, died]) one.catch(() => {});
    child.send(question);
    const answer = await Promise.race([answered, died]);
    ended.abort();
    if ('findings' in answer) return answer.findings;
    return { problems: [answer.error], acknowledged: 0, untold: 0, compaction: 'none' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
  }
}
