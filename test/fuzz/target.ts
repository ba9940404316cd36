import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFilesIn } from '../../src/access/authn/key-files.ts';
import type { Kind } from '../../src/api/kind.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/log.ts';
import { createApi } from '../../src/main/api.ts';
import { createMemoryStore } from '../../src/store/memory.ts';

const ANSWER_MS = 20_000;

export interface Shot {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | undefined;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The whole API with every admission plugin and no controllers, so that nobody but the requests changes anything. */
export interface Target extends AsyncDisposable {
  readonly kinds: readonly Kind[];
  /** @throws when there is no answer in 20 s */
  send(shot: Shot): Promise<Answer>;
}

export async function startTarget(): Promise<Target> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-fuzz-'));
  const api = await createApi({
    store: createMemoryStore(),
    keys: keyFilesIn(join(directory, 'pki')),
    clock: systemClock,
    log: createLogger('fuzz', 'error'), // With the stack of what was answered with 500.
  });
  const stop = new AbortController();
  const following = api.live.follow(stop.signal);
  const { port } = await api.server.listen(0, '127.0.0.1');
  const admin = await api.pki.issue({ user: 'admin', groups: ['system:masters'] });
  const options = { ca: api.pki.caCertificate, cert: admin.certificate, key: admin.key };
  const session = connect(`https://127.0.0.1:${port}`, options);
  session.on('error', () => {}); // Each request tells of it.
  return {
    kinds: api.registry.kinds.all(),
    send: (shot) => send(session, shot),
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      stop.abort();
      await api.server.close();
      api.nodes.close();
      await following;
      await rm(directory, { recursive: true });
    },
  };
}

function send(session: ClientHttp2Session, { headers, body }: Shot): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.setTimeout(ANSWER_MS, () => stream.destroy(new Error(`no answer in ${ANSWER_MS} ms`)));
    stream.on('response', (got) => {
      status = Number(got[':status']);
      // A watch whose timeout was mutated away goes on until somebody ends it: that it began is its answer.
      if (status !== 200 || !/[?&]watch=|\/watch\/|follow=/.test(String(headers[':path']))) return;
      stream.close(constants.NGHTTP2_CANCEL);
      resolve({ status, text: '' });
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => resolve({ status, text: Buffer.concat(chunks).toString('utf8') }));
    if (body !== undefined) stream.end(body);
  });
}
