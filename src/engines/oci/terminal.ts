import { closeSync, constants, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { check, libc } from '../../lib/syscalls/libc.ts';
import type { TerminalSize } from '../sandbox-spec.ts';

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;
const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'void *']);

/** Our end of a pseudo terminal: https://man7.org/linux/man-pages/man4/pts.4.html */
export interface Terminal {
  /** To be given to a child and then closed. */
  readonly slave: number;
  readonly stream: ReadStream;
  resize(size: TerminalSize): void;
  /** Copies what is printed until the last user of the other end is gone. */
  copyTo(output: Writable): Promise<void>;
}

export function openTerminal(size: TerminalSize): Terminal {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  try {
    check(ioctl(master, TIOCSPTLCK, new Int32Array([0])), 'ioctl TIOCSPTLCK');
    const number = new Int32Array(1);
    check(ioctl(master, TIOCGPTN, number), 'ioctl TIOCGPTN');
    const resize = ({ width, height }: TerminalSize) => {
      check(ioctl(master, TIOCSWINSZ, new Uint16Array([height, width, 0, 0])), 'ioctl TIOCSWINSZ');
    };
    resize(size);
    const slave = openSync(`/dev/pts/${number[0]}`, constants.O_RDWR | constants.O_NOCTTY);
    const stream = new ReadStream(master);
    return { slave, stream, resize, copyTo: (output) => copy(stream, output) };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

function copy(stream: ReadStream, output: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.on('data', (chunk) => {
      if (!output.write(chunk)) {
        stream.pause();
        output.once('drain', () => stream.resume());
      }
    });
    // Linux says EIO when the other end has no user left.
    for (const event of ['end', 'error', 'close']) {
      stream.once(event, () => {
        if (!output.writableEnded) output.end();
        resolve();
      });
    }
  });
}
