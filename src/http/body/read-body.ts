import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import { bodyOf } from '../wire.ts';

/** The whole body, at most `LIMITS.requestBodyBytes`. @throws TooLarge, Canceled, Timeout */
export async function readBody(exchange: Exchange): Promise<Buffer> {
  refuseTooLarge(exchange);
  const { request, signal } = exchange;
  const body = bodyOf(request);
  const chunks: Buffer[] = [];
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error) => {
      body.off('data', take).off('end', done).off('error', cut).off('close', cut);
      signal.removeEventListener('abort', stop);
      if (error === undefined) resolve();
      else reject(error);
    };
    const done = () => settle();
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > LIMITS.requestBodyBytes) settle(tooLarge());
      else chunks.push(chunk);
    };
    const cut = () => settle(new AmphoraError('Canceled', 'the request body was cut off'));
    const stop = () => {
      body.destroy();
      settle(AmphoraError.from(signal.reason));
    };
    if (signal.aborted) return stop();
    // An empty one may have ended before anybody listened.
    if (body.readableEnded) return done();
    signal.addEventListener('abort', stop, { once: true });
    body.on('data', take).once('end', done).once('error', cut).once('close', cut);
  });
  const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
  if (exchange.audit?.wantsRequest === true) exchange.body = whole;
  return whole;
}

/** Refuses by the announced length, before a byte is read. */
export function refuseTooLarge(exchange: Exchange): void {
  if (Number(exchange.headers['content-length'] ?? 0) > LIMITS.requestBodyBytes) throw tooLarge();
}

function tooLarge(): AmphoraError {
  return new AmphoraError('TooLarge', `Request entity too large: limit is ${LIMITS.requestBodyBytes}`);
}
