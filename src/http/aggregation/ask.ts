import type { OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { User } from '../../access/user.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { readChunks } from '../../lib/read-chunks.ts';
import type { Extension } from './extension.ts';

/** As whom this server asks for itself. */
const AGGREGATOR: User = { name: 'system:kube-aggregator', uid: '', groups: ['system:masters'], extra: {} };

/**
 * Says for whom a request is made; our client certificate says that it may be believed.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#kubernetes-apiserver-client-authentication
 */
export function identityHeaders({ name, uid, groups, extra }: User): OutgoingHttpHeaders {
  const extras = Object.entries(extra).map(([key, values]): [string, string[]] => [
    `x-remote-extra-${encodeURIComponent(key.toLowerCase())}`,
    values.map(latin1),
  ]);
  return {
    'x-remote-user': latin1(name),
    ...(uid === '' ? {} : { 'x-remote-uid': latin1(uid) }),
    'x-remote-group': groups.map(latin1),
    ...Object.fromEntries(extras),
  };
}

/** Header values are bytes: of a name in other letters those of UTF-8 go out. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export interface Asked {
  readonly status: number;
  readonly body: Buffer;
}

/** Reads a document of an extension server as this server itself. @throws what the connection fails with; TooLarge */
export async function ask(extension: Extension, path: string, signal: AbortSignal): Promise<Asked> {
  const connection = await extension.connection();
  const headers = { host: extension.host, accept: 'application/json', ...identityHeaders(AGGREGATOR) };
  return await new Promise((resolve, reject) => {
    const outgoing = request({ ...connection, path, headers, signal }, (response) => {
      collect(readChunks(response)).then(
        (body) => resolve({ status: response.statusCode ?? 0, body }),
        reject,
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > LIMITS.extensionDocumentBytes)
      throw new AmphoraError('TooLarge', `the answer has more than ${LIMITS.extensionDocumentBytes} bytes`);
    all.push(chunk);
  }
  return Buffer.concat(all);
}
