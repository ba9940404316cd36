import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../../src/client/client.ts';
import { SECOND_MS } from '../../src/lib/limits.ts';
import { installedAt } from '../../src/main/install-program.ts';
import { readProcessFile } from '../../src/main/process-file.ts';
import { selfCommand, selfEnvironment } from '../../src/main/self.ts';
import { processFile } from '../../src/main/status.ts';
import { ensureUser } from '../../src/main/system-user.ts';
import type { Instance } from './instance.ts';

const OBJECTS = 1000;
const CONFIG_MAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' } as const;
const DEADLINE_MS = 20 * SECOND_MS;
const LOOK_AGAIN_MS = 2;

/** Writes objects, some at a time. */
export async function fillStore(client: Client, signal: AbortSignal): Promise<void> {
  const names = Array.from({ length: OBJECTS }, (_, index) => `bench-${index}`);
  const writers = Array.from({ length: 20 }, async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const object = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { text: 'x'.repeat(1000) },
      };
      await client.create(CONFIG_MAPS, object, { signal });
    }
  });
  await Promise.all(writers);
}

/**
 * Starts the server process over the instance's store (the platform must be down) and asks it for an object until it
 * answers; then ends it. @returns milliseconds from the start of the process to the answer
 */
export async function timeToApi(instance: Instance, signal: AbortSignal): Promise<number> {
  const { layout } = instance;
  const user = await ensureUser(layout.user, layout.serverState);
  const [version = ''] = await readdir(layout.program);
  const [program, ...before] = selfCommand('server', installedAt(join(layout.program, version)));
  const log = await open(join(layout.log, 'server.log'), 'a', 0o640);
  const client = await instance.connect();
  const started = performance.now();
  const child = spawn(program, [...before, 'run-server', layout.configFile, layout.serverState], {
    cwd: '/',
    stdio: ['ignore', log.fd, log.fd],
    env: { PATH: process.env.PATH, ...selfEnvironment('server', layout) },
    ...user,
  });
  const ended = once(child, 'exit');
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const last = { ...CONFIG_MAPS, name: `bench-${OBJECTS - 1}` };
    while ((await client.get(last, { signal: deadline }).catch(() => undefined)) === undefined) {
      deadline.throwIfAborted();
      if (child.exitCode !== null) throw new Error(`the server ended: see ${layout.log}/server.log`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    return performance.now() - started;
  } finally {
    child.kill();
    await ended;
    await client.close();
    await log.close();
  }
}

/** Resident memory of both processes together, in MiB; pages that both map count twice, as `ps` counts. */
export async function residentMiB(instance: Instance): Promise<number> {
  let sum = 0;
  for (const role of ['server', 'node'] as const) {
    const record = await readProcessFile(processFile(instance.layout, role));
    if (record === undefined) throw new Error(`the ${role} process does not run`);
    const text = await readFile(`/proc/${record.pid}/smaps_rollup`, 'utf8');
    sum += Number(/^Rss:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) / 1024;
  }
  return sum;
}
