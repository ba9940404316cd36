import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueServer, loadIssuer } from '../../authn/certificates.ts';

export interface WebhookServer extends AsyncDisposable {
  readonly port: number;
  /** Base64 of PEM, as a configuration's `caBundle`. */
  readonly caBundle: string;
  readonly url: string;
  /** What was asked, in order. */
  readonly requests: readonly WebhookCall[];
  /** How many connections were made. */
  connections(): number;
  /** How many of them were open at once. */
  mostConnections(): number;
}

export interface WebhookCall {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** Answers a call: with what it returns, or by itself on the response when that is undefined. */
export type WebhookAnswer = (
  call: WebhookCall,
  response: ServerResponse,
) => object | undefined | Promise<object | undefined>;

/** An HTTPS server with an authority of its own; its certificate is good for the address and `names`. */
export async function startWebhook(
  answer: WebhookAnswer,
  names: readonly string[] = [],
): Promise<WebhookServer> {
  const validity = { now: Date.now(), days: 1 };
  const authority = await createAuthority('webhook-ca', validity);
  const pair = await issueServer(await loadIssuer(authority), {
    ...validity,
    name: 'webhook',
    names: ['127.0.0.1', ...names],
  });
  const requests: WebhookCall[] = [];
  let connections = 0;
  const server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>; // A review.
    const call = { path: request.url ?? '', headers: request.headers, body };
    requests.push(call);
    const value = await answer(call, response);
    if (value === undefined) return;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  }
  let open = 0;
  let most = 0;
  server.on('secureConnection', (socket) => {
    connections += 1;
    open += 1;
    most = Math.max(most, open);
    socket.once('close', () => open--);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return {
    port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    url: `https://127.0.0.1:${port}/hook`,
    requests,
    connections: () => connections,
    mostConnections: () => most,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
