import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../src/client/client.ts';
import type { NodeActions } from '../../src/client/node-actions.ts';
import { projectFile } from '../../src/lib/program-files.ts';
import { run } from '../../src/lib/run.ts';
import { createConnection } from '../../src/main/connection.ts';
import { type Layout, layoutOf } from '../../src/main/instance.ts';
import { readProcessFile } from '../../src/main/process-file.ts';
import { processFile } from '../../src/main/status.ts';
import { kubectlOf } from '../e2e/kubectl-binary.ts';

export type Role = 'server' | 'node';
const UP_MS = 90_000;

/** An instance of the platform as a user runs it, with its processes to be killed. */
export class Platform {
  readonly name: string;
  readonly layout: Layout;
  readonly #options: readonly string[];
  #client: (Client & NodeActions) | undefined;

  private constructor(name: string, options: readonly string[]) {
    this.name = name;
    this.layout = layoutOf(name);
    this.#options = options;
  }

  static async make(name: string): Promise<Platform> {
    const network = 64 + (process.pid % 128);
    const options = ['--port', String(await freePort()), '--pod-cidr', `10.${network}.0.0/16`];
    return new Platform(name, [...options, '--store', 'lmdb']);
  }

  get client(): Client & NodeActions {
    assert(this.#client !== undefined, 'the platform is up');
    return this.#client;
  }

  async up(): Promise<void> {
    await this.#amphora('up', ...this.#options);
    this.#client ??= await createConnection(this.layout.kubeconfig);
  }

  /** SIGKILL at once to all of them. */
  async kill(roles: readonly Role[]): Promise<void> {
    const records = await Promise.all(roles.map((role) => readProcessFile(processFile(this.layout, role))));
    for (const record of records) if (record !== undefined) process.kill(record.pid, 'SIGKILL');
  }

  async kubectl(...args: string[]): Promise<string> {
    const program = await kubectlOf('1.32');
    const cache = join(this.layout.state, 'kubectl');
    const { stdout } = await run(program, [
      '--kubeconfig',
      this.layout.kubeconfig,
      '--cache-dir',
      cache,
      ...args,
    ]);
    return stdout.toString();
  }

  async purge(): Promise<void> {
    await this.#client?.close();
    await this.#amphora('down', '--purge');
  }

  async #amphora(...verb: string[]): Promise<void> {
    await run(projectFile('amphora'), ['--instance', this.name, ...verb], { timeoutMs: UP_MS });
  }
}

/** Waits for a condition with a deadline; answers what it found. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  deadlineMs = 40_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    const found = await probe().catch((error: unknown) => {
      last = error;
      return undefined;
    });
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end)
      assert.fail(
        `waited ${deadlineMs} ms in vain for: ${what}${last === undefined ? '' : ` (${String(last)})`}`,
      );
    await delay(25);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert(typeof address === 'object' && address !== null);
  return address.port;
}
