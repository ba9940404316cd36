import { once } from 'node:events';
import type { Readable } from 'node:stream';

/**
 * What a stream carries, to its end; leaving the loop early does not destroy the stream.
 *
 * For streams of HTTP/2: Node calls one `closed` as soon as both sides have ended on the wire, even with all of it yet
 * to be read, and its own iterator takes that for a broken connection ("Premature close"). An answer that is wholly there
 * before its reader is would be lost that way.
 * @throws what the stream fails with; an error when it is destroyed before its end.
 */
export async function* readChunks(stream: Readable): AsyncGenerator<Buffer> {
  for (;;) {
    for (let chunk = read(stream); chunk !== null; chunk = read(stream)) yield chunk;
    if (stream.readableEnded) return;
    if (stream.errored !== null) throw stream.errored;
    if (stream.destroyed) throw new Error('the connection was closed in the middle of an answer');
    await next(stream);
  }
}

function read(stream: Readable): Buffer | null {
  return stream.destroyed ? null : (stream.read() as Buffer | null); // No encoding is set on it.
}

/** Until there is something to read, the end, a failure or the stream's destruction. */
async function next(stream: Readable): Promise<void> {
  const seen = new AbortController();
  const { signal } = seen;
  const events = ['readable', 'end', 'close'].map((name) => once(stream, name, { signal }));
  try {
    await Promise.race(events);
  } finally {
    for (const event of events) event.catch(() => {}); // Those that did not come.
    seen.abort();
  }
}
