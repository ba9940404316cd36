import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { BuiltImage } from '../../src/images/oci-writer.ts';

export interface FakeRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `GET path` of everything that was asked, with the range if there was one. */
  readonly asked: string[];
}

/** Looks at a request first; true when it has answered. */
export type Misbehaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer | undefined,
) => boolean;

/** A registry that serves one image as `/v2/app`, tag `1`, and misbehaves on demand. */
export async function fakeRegistry(
  t: TestContext,
  image: BuiltImage,
  misbehave: Misbehaviour = () => false,
): Promise<FakeRegistry> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    asked.push(`${url}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`);
    const digest = url.endsWith('/manifests/1') ? image.manifest.digest : url.split('/').at(-1);
    const content = digest === undefined ? undefined : image.blobs.get(digest);
    if (misbehave(request, response, content)) return;
    serve(request, response, content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return { host: `127.0.0.1:${port}`, asked };
}

/** Answers as a registry should, ranges included. */
export function serve(request: IncomingMessage, response: ServerResponse, content: Buffer | undefined): void {
  if (content === undefined) {
    response.writeHead(404).end('{}');
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = content.subarray(start);
  const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
  response
    .writeHead(start > 0 ? 206 : 200, { 'content-length': part.length, ...(start > 0 ? range : {}) })
    .end(part);
}
