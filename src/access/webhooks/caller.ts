import { Agent } from 'node:https';
import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../../lib/limits.ts';
import { callFault } from './call-fault.ts';
import type { Address, WebhookEndpoint } from './endpoint.ts';
import { post } from './post.ts';
import type { ServiceLookup } from './service-lookup.ts';

/**
 * Calls webhooks: admission, CRD conversion, token review. Connections are kept and bounded for each server, so
 * that one that hangs takes no other's. Nothing of the caller goes along: no credential, no header.
 */
export interface WebhookCaller {
  /**
   * Posts JSON and answers the JSON object that comes back.
   * @throws Unavailable in the words of {@link callFault} for whatever is wrong with the webhook or its answer; what
   * the signal was aborted with, when it was.
   */
  post(endpoint: WebhookEndpoint, body: object, options: CallOptions): Promise<JsonObject>;
  close(): void;
}

export interface CallOptions {
  /** For the whole exchange: lookup, connection, answer. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

export function createWebhookCaller(lookup: ServiceLookup): WebhookCaller {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: LIMITS.webhookSockets,
    maxFreeSockets: LIMITS.webhookIdleSockets,
    maxTotalSockets: LIMITS.webhookTotalSockets,
    timeout: LIMITS.webhookIdleMs,
    scheduling: 'lifo',
  });
  return {
    post: (endpoint, body, options) => call({ agent, lookup }, { endpoint, body, options }),
    close: () => agent.destroy(),
  };
}

interface Call {
  readonly endpoint: WebhookEndpoint;
  readonly body: object;
  readonly options: CallOptions;
}

async function call(
  parts: { readonly agent: Agent; readonly lookup: ServiceLookup },
  { endpoint, body, options }: Call,
): Promise<JsonObject> {
  const { timeoutSeconds, signal } = options;
  signal.throwIfAborted();
  const path = `${endpoint.path}${endpoint.path.includes('?') ? '&' : '?'}timeout=${timeoutSeconds}s`;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutSeconds * SECOND_MS);
  const both = AbortSignal.any([signal, deadline.signal]);
  let host = endpoint.authority;
  try {
    const at = await within(addressOf(endpoint, parts.lookup), both);
    host = `${at.host}:${at.port}`;
    const { ca, identity } = endpoint;
    const answer = await post({
      agent: parts.agent,
      ...at,
      name: endpoint.host,
      authority: endpoint.authority,
      path,
      headers: { 'user-agent': 'kube-apiserver-admission' },
      body: Buffer.from(JSON.stringify(body)),
      tls: {
        ...(ca === undefined ? {} : { ca }),
        ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
      },
      signal: both,
    });
    return decode(answer);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const why = deadline.signal.aborted ? 'context deadline exceeded' : callFault(error, host);
    const shown =
      isCode(error, 'Unavailable') && isAnswered(error)
        ? why
        : `Post "https://${endpoint.authority}${path}": ${why}`;
    throw new AmphoraError('Unavailable', shown, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function addressOf({ service, host, port }: WebhookEndpoint, lookup: ServiceLookup): Promise<Address> {
  return service === undefined ? { host, port } : await lookup(service);
}

/** The lookup takes no signal: it reads what is in memory, but the memory may still have to be filled. */
async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const ANSWERED = 'WebhookAnswered';

function isAnswered(error: AmphoraError): boolean {
  return error.details[0]?.reason === ANSWERED;
}

/** What is wrong with an answer, not with the call. */
function answered(message: string): AmphoraError {
  return new AmphoraError('Unavailable', message, { details: [{ reason: ANSWERED, field: '', message }] });
}

function decode({ status, type, body }: Awaited<ReturnType<typeof post>>): JsonObject {
  if (status === 404) throw answered('the server could not find the requested resource');
  if (status < 200 || status > 206)
    throw answered(
      status >= 500
        ? `an error on the server (${JSON.stringify(body.toString('utf8', 0, 256))}) has prevented the request from succeeding`
        : `the server answered with status ${status} and not with a result`,
    );
  const media = type.split(';')[0]?.trim().toLowerCase() ?? '';
  if (media !== '' && media !== 'application/json') throw answered(`serializer for ${type} doesn't exist`);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw answered(`the answer is not JSON: ${(error as Error).message}`); // All that JSON.parse throws.
  }
  if (!isJsonObject(value)) throw answered('the answer is no JSON object');
  if (isDeep(value)) throw answered(`the answer is nested deeper than ${LIMITS.nesting} levels`);
  return value;
}

/** Without recursion: what is being measured may be as deep as it is long. */
export function isDeep(root: unknown): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > LIMITS.nesting) return true;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}
