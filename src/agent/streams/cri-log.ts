/**
 * One line of a CRI log: `<RFC 3339 time> <stdout|stderr> <P|F> <content>`.
 * https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */
export interface LogLine {
  readonly time: Buffer;
  readonly stream: 'stdout' | 'stderr';
  /** Without the end of line when more of the same line follows. */
  readonly content: Buffer;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;

/** Reads one line without its newline; undefined for what is no CRI line (a write that a crash cut short). */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  const third = line.indexOf(SPACE, second + 1);
  if (first < 0 || second < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tag = line.toString('latin1', second + 1, third < 0 ? line.length : third);
  const content = third < 0 ? Buffer.alloc(0) : line.subarray(third + 1);
  const partial = tag.split(':').includes('P');
  return {
    time: line.subarray(0, first),
    stream,
    content: partial ? content : Buffer.concat([content, Buffer.of(NEWLINE)]),
  };
}

/** Cuts chunks into lines; what has no newline yet waits. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, from)) {
      lines.push(data.subarray(from, at));
      from = at + 1;
    }
    this.#rest = Buffer.from(data.subarray(from));
    return lines;
  }
}
