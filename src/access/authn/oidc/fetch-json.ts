import { request } from 'node:https';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';

/** A JSON document of an issuer. No redirect is followed. @throws Unavailable */
export function fetchJson(url: string, options: { readonly ca?: string | undefined }): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const failed = (why: string, cause?: unknown) =>
    reject(new AmphoraError('Unavailable', `fetching ${url}: ${why}`, { cause }));
  const signal = AbortSignal.timeout(LIMITS.issuerFetchMs);
  const { ca } = options;
  const outgoing = request(url, { signal, agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('error', (error) => failed(error.message, error));
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LIMITS.issuerDocumentBytes) outgoing.destroy(new Error('the document is too large'));
      else chunks.push(chunk);
    });
    response.on('end', () => {
      if (response.statusCode !== 200) return failed(`status ${response.statusCode}`);
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      } catch (error) {
        failed('it is no JSON', error);
      }
    });
  });
  outgoing.on('error', (error) => failed(error.message, error));
  outgoing.end();
  return promise;
}
