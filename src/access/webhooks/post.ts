import type { IncomingMessage } from 'node:http';
import { type Agent, type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';

export interface Posting {
  readonly agent: Agent;
  /** Where to connect. */
  readonly host: string;
  readonly port: number;
  /** The name, or address, that the certificate must be good for. */
  readonly name: string;
  /** `Host:` */
  readonly authority: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly signal: AbortSignal;
}

/** The status and the whole body of the answer. No redirect is followed, no other encoding than none is taken. */
export async function post(
  posting: Posting,
): Promise<{ readonly status: number; readonly type: string; readonly body: Buffer }> {
  try {
    return await postOnce(posting);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return await postOnce({ ...posting, headers: { ...posting.headers, connection: 'close' } });
  }
}

/** A kept connection that the server closed while we began to use it: the request was never seen. */
class StaleConnection extends Error {}

function postOnce(posting: Posting): ReturnType<typeof post> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof post>>>();
  let hasAnswer = false;
  const outgoing = request(optionsOf(posting), (response) => {
    hasAnswer = true;
    readAll(response).then(resolve, (error) => {
      reject(error);
      outgoing.destroy();
    });
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
  });
  // An answer that changes protocols ends without an error.
  outgoing.on('close', () => {
    if (!hasAnswer) reject(new AmphoraError('Unavailable', 'EOF'));
  });
  outgoing.end(posting.body);
  return promise;
}

function optionsOf({
  agent,
  host,
  port,
  name,
  authority,
  path,
  headers,
  body,
  tls,
  signal,
}: Posting): RequestOptions {
  // A connection made for `connection: close` is not kept.
  return {
    agent: headers.connection === 'close' ? false : agent,
    host,
    port,
    path,
    method: 'POST',
    // An address is no server name; the certificate is checked against where we connect to, then.
    servername: isIP(name) === 0 ? name : '',
    headers: {
      ...headers,
      host: authority,
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': body.length,
    },
    signal,
    ...tls,
  };
}

async function readAll(response: IncomingMessage): ReturnType<typeof post> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMITS.webhookAnswerBytes)
      throw new AmphoraError(
        'Unavailable',
        `the answer has more than ${LIMITS.webhookAnswerBytes} bytes, which is the limit`,
      );
    chunks.push(chunk);
  }
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new AmphoraError('Unavailable', `the answer is encoded by ${encoding}, which was not asked for`);
  const type = response.headers['content-type'] ?? '';
  return { status: response.statusCode ?? 0, type, body: Buffer.concat(chunks) };
}
