import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFilesIn } from '../../src/access/authn/key-files.ts';
import { openPki } from '../../src/access/authn/pki.ts';
import { createHttpClient } from '../../src/client/http-client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { MINUTE_MS } from '../../src/lib/limits.ts';
import { projectFile } from '../../src/lib/program-files.ts';
import { run } from '../../src/lib/run.ts';
import { newInstanceConfig } from '../../src/main/instance.ts';
import { selfCommand } from '../../src/main/self.ts';
import type { Endpoint } from './load.ts';

const LOOK_AGAIN_MS = 5;

/** Amphora's server process alone, on the LMDB store in a directory of the benchmark's own. */
export class ServerProcess implements AsyncDisposable {
  readonly #directory: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#port = port;
  }

  static async create(signal: AbortSignal): Promise<ServerProcess> {
    await run(process.execPath, [projectFile('tools/build.ts')], { signal, timeoutMs: MINUTE_MS });
    const directory = await mkdtemp(join(tmpdir(), 'amphora-bench-'));
    const port = await freePort();
    const config = newInstanceConfig('bench', { port, store: 'lmdb' });
    await writeFile(join(directory, 'config.json'), JSON.stringify(config));
    return new ServerProcess(directory, port);
  }

  /** The administrator's. */
  async endpoint(): Promise<Endpoint> {
    const pki = await openPki({ keys: keyFilesIn(join(this.#directory, 'pki')), clock: systemClock });
    const { certificate, key } = await pki.issue({ user: 'admin', groups: ['system:masters'] });
    return {
      server: `https://127.0.0.1:${this.#port}`,
      ca: pki.caCertificate,
      cert: certificate,
      key,
    };
  }

  /** @returns milliseconds until it is ready */
  async start(signal: AbortSignal): Promise<number> {
    const installed = {
      root: projectFile('.'),
      runtime: process.execPath,
      entry: projectFile('dist/main/amphora.js'),
    };
    const [program, ...words] = selfCommand('server', installed);
    const log = await open(join(this.#directory, 'server.log'), 'a');
    const profile =
      process.env.AMPHORA_BENCH_PROFILE === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${process.env.AMPHORA_BENCH_PROFILE}`];
    const endpoint = await this.endpoint();
    const started = performance.now();
    const child = spawn(
      program,
      [...profile, ...words, 'run-server', join(this.#directory, 'config.json'), this.#directory],
      {
        stdio: ['ignore', log.fd, log.fd],
        env: {
          PATH: process.env.PATH,
          MALLOC_ARENA_MAX: '2',
          NODE_COMPILE_CACHE: join(this.#directory, 'compiled'),
        },
      },
    );
    await log.close();
    this.#child = child;
    const client = createHttpClient({ ...endpoint, clock: systemClock });
    const ready = () =>
      client
        .get({ apiVersion: 'v1', resource: 'namespaces', name: 'default' }, { signal })
        .catch(() => undefined);
    try {
      while ((await ready()) === undefined) {
        signal.throwIfAborted();
        if (child.exitCode !== null) throw new Error(`the server ended: ${await this.#lastLines()}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
      return performance.now() - started;
    } finally {
      await client.close();
    }
  }

  async residentMiB(): Promise<number> {
    const text = await readFile(`/proc/${this.#child?.pid}/smaps_rollup`, 'utf8');
    return Number(/^Rss:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) / 1024;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true });
  }

  async #lastLines(): Promise<string> {
    const text = await readFile(join(this.#directory, 'server.log'), 'utf8');
    return text.slice(-2000);
  }
}

/** A TCP port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
