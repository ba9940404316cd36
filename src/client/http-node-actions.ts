import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AmphoraError, ERRORS, type ErrorCode } from '../lib/errors.ts';
import { jsonLines } from './json-lines.ts';
import type { Connection } from './kubeconfig.ts';
import type { ImageCall, ImageProgress, ImageSummary, NodeActions, SandboxUsage } from './node-actions.ts';
import { statusError } from './status-error.ts';

/** Asks nodes through the server. A connection of its own per call: an import's body may be gigabytes. */
export function createNodeActions(connection: Connection): NodeActions {
  const ask = (node: string, action: string, options: AskOptions) =>
    askNode(connection, { node, action, ...options });
  return {
    sandboxStats: async (node, signal) => {
      const [stats] = await lines(await ask(node, 'stats', { parameters: {}, signal }));
      return (stats as { sandboxes?: readonly SandboxUsage[] }).sandboxes ?? []; // What our own node answers.
    },
    listImages: async (node, signal) =>
      await images(await ask(node, 'images/list', { parameters: {}, signal })),
    pullImage: async (node, reference, call) => {
      const [pulled] = await images(
        await ask(node, 'images/pull', { parameters: { reference }, signal: call.signal }),
        call.onProgress,
      );
      if (pulled === undefined)
        throw new AmphoraError('Internal', `node ${node} pulled ${reference} but does not say what it got`);
      return pulled;
    },
    importImage: async (node, archive, call) =>
      await images(
        await ask(node, 'images/import', { parameters: nameOf(call), body: archive, signal: call.signal }),
        call.onProgress,
      ),
    removeImage: async (node, reference, signal) => {
      await images(await ask(node, 'images/remove', { parameters: { reference }, signal }));
    },
  };
}

function nameOf(call: ImageCall & { readonly name?: string }): { name?: string } {
  return call.name === undefined ? {} : { name: call.name };
}

interface AskOptions {
  /** Sent as JSON in the header `amphora-request`. */
  readonly parameters: object;
  readonly body?: Readable;
  readonly signal: AbortSignal;
}

async function askNode(
  connection: Connection,
  ask: AskOptions & { node: string; action: string },
): Promise<IncomingMessage> {
  const url = new URL(
    `/apis/amphora.dev/v1/nodes/${encodeURIComponent(ask.node)}/${ask.action}`,
    connection.server,
  );
  const { ca, cert, key, token } = connection;
  const outgoing = request(url, {
    method: 'POST',
    agent: false,
    signal: ask.signal,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    headers: {
      'amphora-request': JSON.stringify(ask.parameters),
      'content-type': 'application/octet-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', (cause) =>
      reject(
        new AmphoraError('Unavailable', `${connection.server} can't be asked: ${cause.message}`, { cause }),
      ),
    );
  });
  // A server that refuses early closes its side: its answer, not the broken pipe, says what happened.
  const sent = pipeline(ask.body ?? Readable.from([]), outgoing).catch(() => {});
  const response = await answered;
  if (response.statusCode === 200) return response;
  await sent;
  throw statusError(await wholeJson(response), response.statusCode ?? 500);
}

async function wholeJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

async function lines(response: IncomingMessage): Promise<unknown[]> {
  return await Array.fromAsync(jsonLines(response));
}

interface Line {
  readonly progress?: ImageProgress;
  readonly images?: readonly ImageSummary[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function images(
  response: IncomingMessage,
  onProgress?: (event: ImageProgress) => void,
): Promise<readonly ImageSummary[]> {
  for await (const value of jsonLines(response)) {
    const line = value as Line; // What our own node answers; each member is looked at before it is used.
    if (line.progress !== undefined) onProgress?.(line.progress);
    if (line.error !== undefined)
      throw new AmphoraError(isErrorCode(line.error.code) ? line.error.code : 'Internal', line.error.message);
    if (line.images !== undefined) return line.images;
  }
  throw new AmphoraError('Unavailable', 'the node broke off before it had answered: try again');
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
