/**
 * The floor: TLS and HTTP/2 of the same Node with client certificates and nothing behind. It answers a body with
 * itself, `GET /bytes/N` with N bytes, holds `GET /watch` open, and sends the body of `POST /all` to all that watch.
 */
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2';

interface Start {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

process.on('message', ({ cert, key, ca }: Start) => {
  const watching = new Set<ServerHttp2Stream>();
  const server = createSecureServer({ cert, key, ca, requestCert: true, allowHTTP1: true });
  server.on('stream', (stream, headers) => {
    const path = String(headers[':path']);
    stream.on('error', () => {});
    if (path === '/watch') {
      stream.respond({ ':status': 200 });
      watching.add(stream);
      stream.once('close', () => watching.delete(stream));
    } else if (path.startsWith('/bytes/')) {
      answer(stream, Buffer.alloc(Number(path.slice('/bytes/'.length)), 'x'));
    } else {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const body = Buffer.concat(chunks);
        if (path === '/all') for (const one of watching) one.write(body);
        answer(stream, body);
      });
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ answer: typeof address === 'object' ? address?.port : 0 });
  });
});
process.on('disconnect', () => process.exit());

function answer(stream: ServerHttp2Stream, body: Buffer): void {
  stream.respond({
    [constants.HTTP2_HEADER_STATUS]: 200,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/json',
    [constants.HTTP2_HEADER_CONTENT_LENGTH]: body.length,
  });
  stream.end(body);
}
