import type { WriteStream } from 'node:tty';
import { formatDuration } from './table.ts';

/** Says what long work is doing: a line per step, with the time it took; colours only on a terminal. */
export interface Progress {
  step<T>(title: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
  note(text: string): void;
}

export function createProgress(out: WriteStream, now: () => number = Date.now): Progress {
  const terminal = out.isTTY === true;
  const paint = (code: number, text: string) =>
    terminal && process.env.NO_COLOR === undefined ? `\x1b[${code}m${text}\x1b[0m` : text;
  const show = (text: string) => {
    if (terminal) out.write(`\r\x1b[K${text.slice(0, out.columns - 1)}`);
  };
  return {
    async step(title, work) {
      const start = now();
      show(`  ${title} …`);
      try {
        const result = await work((detail) => show(`  ${title}: ${detail}`));
        if (terminal) out.write('\r\x1b[K');
        out.write(`${paint(32, '✔')} ${title} ${paint(2, `(${formatDuration(now() - start)})`)}\n`);
        return result;
      } catch (error) {
        if (terminal) out.write('\r\x1b[K');
        out.write(`${paint(31, '✘')} ${title}\n`);
        throw error;
      }
    },
    note: (text) => {
      out.write(`${text}\n`);
    },
  };
}
