import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** A program of the benchmark's in a process of its own, asked over Node's channel. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor(file: string, words: readonly string[] = []) {
    this.#process = fork(resolve(import.meta.dirname, file), words, { serialization: 'advanced' });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** One question at a time. @throws with what the program says went wrong, or when it ends instead. */
  async ask<Answer>(question: object): Promise<Answer> {
    const ended = new AbortController();
    const answered = once(this.#process, 'message', { signal: ended.signal });
    const gone = once(this.#process, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`a program of the benchmark ended with ${code}`);
    });
    this.#process.send(question);
    try {
      const [message] = await Promise.race([answered, gone]);
      const { answer, error } = message as { answer: Answer; error?: string }; // Our own programs say so.
      if (error !== undefined) throw new Error(error);
      return answer;
    } finally {
      ended.abort();
      for (const one of [answered, gone]) one.catch(() => {}); // What did not come is not waited for any more.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill();
    await ended;
  }
}
