import type { Readable } from 'node:stream';
import { AmphoraError, ERRORS, type ErrorCode } from '../lib/errors.ts';
import { HttpSession, type StreamAnswer } from './http-session.ts';
import { jsonLines } from './json-lines.ts';
import type { Connection } from './kubeconfig.ts';
import type { ImageCall, ImageProgress, ImageSummary, NodeActions, SandboxUsage } from './node-actions.ts';
import { statusError } from './status-error.ts';

/** Asks nodes through the server, over one HTTP/2 connection: an import's body may take longer than HTTP/1 requests may. */
export function createNodeActions(connection: Connection): NodeActions & { close(): Promise<void> } {
  const session = new HttpSession(connection);
  const ask = (node: string, action: string, options: AskOptions) =>
    askNode(session, { ...options, token: connection.token, node, action });
  return {
    sandboxStats: async (node, signal) => {
      const [stats] = await Array.fromAsync(jsonLines(await ask(node, 'stats', { parameters: {}, signal })));
      return Array.isArray(stats) ? (stats as readonly SandboxUsage[]) : []; // What our own node answers.
    },
    listImages: async (node, signal) =>
      await images(await ask(node, 'images/list', { parameters: {}, signal })),
    pullImage: async (node, reference, call) => {
      const answer = await ask(node, 'images/pull', { parameters: { reference }, signal: call.signal });
      const [pulled] = await images(answer, call.onProgress);
      if (pulled === undefined)
        throw new AmphoraError('Internal', `node ${node} pulled ${reference} but does not say what it got`);
      return pulled;
    },
    importImage: async (node, archive, call) => {
      const answer = await ask(node, 'images/import', {
        parameters: nameOf(call),
        body: archive,
        signal: call.signal,
      });
      return await images(answer, call.onProgress);
    },
    removeImage: async (node, reference, signal) => {
      await images(await ask(node, 'images/remove', { parameters: { reference }, signal }));
    },
    close: () => session.close(),
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

interface Asking extends AskOptions {
  readonly node: string;
  readonly action: string;
  readonly token: string | undefined;
}

async function askNode(session: HttpSession, ask: Asking): Promise<StreamAnswer['stream']> {
  const { node, action, parameters, body, signal, token } = ask;
  const { status, stream } = await session.open({
    method: 'POST',
    path: `/apis/amphora.dev/v1/nodes/${encodeURIComponent(node)}/${action}`,
    headers: {
      'amphora-request': JSON.stringify(parameters),
      'content-type': 'application/octet-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    signal,
    ...(body === undefined ? {} : { body }),
  });
  if (status === 200) return stream;
  throw statusError((await Array.fromAsync(jsonLines(stream)))[0], status);
}

interface Line {
  readonly progress?: ImageProgress;
  readonly images?: readonly ImageSummary[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function images(
  response: StreamAnswer['stream'],
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
