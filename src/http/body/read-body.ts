import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';

/** The whole body, at most `LIMITS.requestBodyBytes`. @throws TooLarge, Canceled, Timeout */
export async function readBody(exchange: Exchange): Promise<Buffer> {
  refuseTooLarge(exchange);
  const { request, signal } = exchange;
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = () => request.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LIMITS.requestBodyBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (signal.aborted) throw AmphoraError.from(signal.reason);
    throw error instanceof AmphoraError
      ? error
      : new AmphoraError('Canceled', 'the request body was cut off');
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return Buffer.concat(chunks, size);
}

/** Refuses by the announced length, before a byte is read. */
export function refuseTooLarge(exchange: Exchange): void {
  if (Number(exchange.headers['content-length'] ?? 0) > LIMITS.requestBodyBytes) throw tooLarge();
}

function tooLarge(): AmphoraError {
  return new AmphoraError('TooLarge', `Request entity too large: limit is ${LIMITS.requestBodyBytes}`);
}
