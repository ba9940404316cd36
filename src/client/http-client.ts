import type { Readable } from 'node:stream';
import type { ApiObject } from '../api/kind.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type {
  CallOptions,
  Client,
  ClientPatch,
  ClientWatchEvent,
  CollectionReference,
  List,
  ListQuery,
  ObjectReference,
  WatchQuery,
  WriteOptions,
} from './client.ts';
import { HttpSession, type SessionOptions } from './http-session.ts';
import { jsonLines } from './json-lines.ts';
import { listParameters, pathOf, watchParameters, writeParameters } from './paths.ts';
import { statusError } from './status-error.ts';

export interface HttpClientOptions extends SessionOptions {
  /** A bearer token, or what gives the current one. */
  readonly token?: string | (() => Promise<string>);
  readonly userAgent?: string;
  readonly clock: Clock;
}

const PATCH_TYPES: Readonly<Record<ClientPatch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Lists and single objects alike: the server gives whichever fits. */
const METADATA = ['PartialObjectMetadataList', 'PartialObjectMetadata']
  .map((as) => `application/json;as=${as};g=meta.k8s.io;v=v1`)
  .join(',');

/** The API over one HTTP/2 connection. A `Status` that says no is thrown as the error it was on the server. */
export function createHttpClient(options: HttpClientOptions): Client {
  return new HttpClient(options);
}

class HttpClient implements Client {
  readonly #session: HttpSession;
  readonly #options: HttpClientOptions;

  constructor(options: HttpClientOptions) {
    this.#session = new HttpSession(options);
    this.#options = options;
  }

  get<T = ApiObject>(reference: ObjectReference, options: CallOptions = {}): Promise<T> {
    return this.#call<T>('GET', pathOf(reference), options);
  }

  list<T = ApiObject>(
    collection: CollectionReference,
    query: ListQuery = {},
    options: CallOptions = {},
  ): Promise<List<T>> {
    return this.#call<List<T>>('GET', pathOf(collection) + listParameters(query), options);
  }

  async *watch<T = ApiObject>(
    collection: CollectionReference,
    query: WatchQuery,
    options: CallOptions & { signal: AbortSignal },
  ): AsyncGenerator<ClientWatchEvent<T>> {
    const path = pathOf(collection) + watchParameters(query);
    const { signal } = options;
    const { status, stream } = await this.#session.open({
      method: 'GET',
      path,
      headers: await this.#headers(options),
      signal,
    });
    if (status !== 200) throw statusError(parse(await collect(stream)), status);
    try {
      for await (const line of jsonLines(stream)) yield watchEvent<T>(line);
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof AmphoraError
        ? error
        : new AmphoraError('Unavailable', `the watch of ${collection.resource} broke off`, { cause: error });
    } finally {
      stream.close();
    }
  }

  create<T = ApiObject>(
    collection: CollectionReference & { readonly name?: string; readonly subresource?: string },
    object: object,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#call<T>('POST', pathOf(collection) + writeParameters(options), { ...options, body: object });
  }

  update<T = ApiObject>(reference: ObjectReference, object: object, options: WriteOptions = {}): Promise<T> {
    return this.#call<T>('PUT', pathOf(reference) + writeParameters(options), { ...options, body: object });
  }

  patch<T = ApiObject>(
    reference: ObjectReference,
    patch: ClientPatch,
    options: WriteOptions = {},
  ): Promise<T> {
    const manager = options.fieldManager ?? (patch.type === 'apply' ? this.#userAgent() : undefined);
    const query = writeParameters(manager === undefined ? options : { ...options, fieldManager: manager });
    const contentType = PATCH_TYPES[patch.type];
    return this.#call<T>('PATCH', pathOf(reference) + query, { ...options, body: patch.body, contentType });
  }

  delete<T = ApiObject>(reference: ObjectReference, body?: object, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(reference) + writeParameters(options);
    const content = body === undefined ? {} : { body: { kind: 'DeleteOptions', apiVersion: 'v1', ...body } };
    return this.#call<T>('DELETE', path, { ...options, ...content });
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #call<T>(
    method: string,
    path: string,
    options: CallOptions & { readonly body?: unknown; readonly contentType?: string },
  ): Promise<T> {
    const timeout = AbortSignal.timeout(LIMITS.requestMs);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    const hasBody = options.body !== undefined;
    const headers = await this.#headers(
      options,
      hasBody ? (options.contentType ?? 'application/json') : undefined,
    );
    const body = hasBody ? { body: Buffer.from(JSON.stringify(options.body)) } : {};
    const { status, stream } = await this.#session.open({ method, path, headers, signal, ...body });
    const answer = parse(
      await collect(stream).catch((error: unknown) => {
        throw AmphoraError.from(signal.aborted ? signal.reason : error);
      }),
    );
    if (status >= 400) throw statusError(answer, status);
    return answer as T; // The caller named the type of what it asked for.
  }

  async #headers({ metadataOnly }: CallOptions, contentType?: string): Promise<Record<string, string>> {
    const { token } = this.#options;
    const bearer = typeof token === 'function' ? await token() : token;
    return {
      accept: metadataOnly === true ? METADATA : 'application/json',
      'user-agent': this.#userAgent(),
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    };
  }

  #userAgent(): string {
    return this.#options.userAgent ?? 'amphora';
  }
}

function watchEvent<T>(line: unknown): ClientWatchEvent<T> {
  // A watch event, as the API writes it: https://kubernetes.io/docs/reference/using-api/api-concepts/
  const event = line as { type: string; object: ApiObject };
  if (event.type === 'ERROR') throw statusError(event.object, 500);
  if (event.type === 'BOOKMARK')
    return { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion ?? '' };
  return line as ClientWatchEvent<T>; // One of the other three types.
}

/** The whole body. By events, which cost less than a loop over the stream and do not destroy it at the end. */
function collect(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('close', () => reject(new Error('the connection was closed in the middle of an answer')));
  });
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return { message: body.toString('utf8').slice(0, 1000) };
  }
}
