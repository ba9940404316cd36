import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';

export interface HttpConfig {
  /** PEM certificates that are trusted besides the system's. */
  readonly ca?: string;
  /** Whether redirects and token services may be plain HTTP. */
  readonly allowPlain: boolean;
}

/** GET requests over connections of its own, honouring HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export class HttpGetter {
  readonly #plain: PlainAgent;
  readonly #secure: SecureAgent;
  readonly #allowPlain: boolean;

  constructor(config: HttpConfig) {
    const options = { keepAlive: true, maxSockets: 16, proxyEnv: process.env };
    this.#plain = new PlainAgent(options);
    this.#secure = new SecureAgent(config.ca === undefined ? options : { ...options, ca: config.ca });
    this.#allowPlain = config.allowPlain;
  }

  /**
   * The response, whatever its status, after following redirects; `authorization` goes to the first host only.
   * The caller must read its body or destroy it.
   * @throws Unavailable when nothing answers, or redirects do not end.
   */
  async get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    let at = url;
    for (let hops = 0; hops <= LIMITS.imagePullRedirects; hops++) {
      this.#check(at);
      const { authorization: _withheld, ...others } = headers;
      const response = await this.#once(
        at,
        at.host === url.host && at.protocol === url.protocol ? headers : others,
        signal,
      );
      const location = response.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0);
      if (!isRedirect || location === undefined) return response;
      response.destroy();
      at = new URL(location, at);
    }
    throw new AmphoraError(
      'Unavailable',
      `${url.host} redirects more than ${LIMITS.imagePullRedirects} times`,
    );
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #check(url: URL): void {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && this.#allowPlain)) return;
    throw new AmphoraError(
      'Unavailable',
      `refused to go to ${url.protocol}//${url.host}, which is not encrypted`,
    );
  }

  #once(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const isSecure = url.protocol === 'https:';
      const options = { agent: isSecure ? this.#secure : this.#plain, headers, signal };
      const request = isSecure ? secureRequest(url, options) : plainRequest(url, options);
      request.setTimeout(LIMITS.imagePullIdleMs, () => {
        request.destroy(
          new AmphoraError('Timeout', `${url.host} sent nothing for ${LIMITS.imagePullIdleMs} ms`),
        );
      });
      request.once('response', resolve);
      request.on('error', (error) => reject(signal.aborted ? signal.reason : unreachable(url, error)));
      request.end();
    });
  }
}

/** @throws TooLarge; Unavailable when the connection breaks. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new AmphoraError('TooLarge', `an answer is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof AmphoraError) throw error;
    throw new AmphoraError('Unavailable', `the connection broke: ${messageOf(error)}`, { cause: error });
  }
  return Buffer.concat(chunks);
}

function unreachable(url: URL, error: Error): AmphoraError {
  if (error instanceof AmphoraError) return error;
  const message = `${url.host} cannot be reached (${messageOf(error)}): check its name, the network and the proxy settings`;
  return new AmphoraError('Unavailable', message, { cause: error });
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node leaves the message of an AggregateError (several addresses tried) empty.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
