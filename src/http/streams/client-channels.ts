import type { Frame } from '../../lib/frames.ts';

/** The client's end of an exec or attach, whatever protocol it speaks. */
export interface ClientChannels {
  /** What the client sends: stdin, terminal sizes, half-closes. Ends when the client has gone. */
  frames(): AsyncIterable<Frame>;
  /** Sends stdout, stderr or the final status; resolves when there is room for more. */
  send(frame: Frame): Promise<void>;
  /** After the status: says good-bye and ends the connection. */
  close(): void;
}

/** What the client wants to have, from the query of an exec or attach. */
export interface StreamFlags {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}
