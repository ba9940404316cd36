import type { Readable } from 'node:stream';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { readChunks } from '../lib/read-chunks.ts';

const NEWLINE = 0x0a;

/** A stream of JSON values, one a line; it is done with when the loop is left. @throws TooLarge, Corrupt */
export async function* jsonLines(stream: Readable): AsyncGenerator<unknown> {
  try {
    yield* lines(stream);
  } finally {
    stream.destroy();
  }
}

async function* lines(stream: Readable): AsyncGenerator<unknown> {
  let rest: Buffer[] = [];
  let size = 0;
  for await (const chunk of readChunks(stream)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      rest.push(chunk.subarray(from, end));
      from = end + 1;
      yield* decode(rest);
      rest = [];
      size = 0;
    }
    rest.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > LIMITS.watchLineBytes)
      throw new AmphoraError(
        'TooLarge',
        `the server sent an event of more than ${LIMITS.watchLineBytes} bytes`,
      );
  }
  yield* decode(rest);
}

function* decode(parts: readonly Buffer[]): Generator<unknown> {
  const text = Buffer.concat(parts).toString('utf8').trim();
  if (text === '') return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AmphoraError('Corrupt', 'the server sent an event that is no JSON', { cause: error });
  }
  yield value;
}
