import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = '/usr/bin/etcd';

export const NO_ETCD = existsSync(PROGRAM) ? undefined : 'etcd is not installed (package etcd-server)';

/** Debian's etcd on free ports of 127.0.0.1, in a folder of its own. */
export async function startEtcd(): Promise<{ readonly endpoint: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-etcd-'));
  const [client, peer] = await Promise.all([freePort(), freePort()]);
  const endpoint = `http://127.0.0.1:${client}`;
  const args = ['--data-dir', folder, '--listen-client-urls', endpoint, '--advertise-client-urls', endpoint];
  const peerUrl = `http://127.0.0.1:${peer}`;
  const cluster = [
    '--listen-peer-urls',
    peerUrl,
    '--initial-advertise-peer-urls',
    peerUrl,
    '--initial-cluster',
    `default=${peerUrl}`,
  ];
  const child = spawn(PROGRAM, [...args, ...cluster, '--logger', 'zap', '--log-level', 'error'], {
    stdio: 'ignore',
  });
  await waitHealthy(endpoint, child);
  return {
    endpoint,
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function waitHealthy(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (child.exitCode === null && Date.now() < deadline) {
    const healthy = await fetch(`${endpoint}/health`).then(
      async (response) => (await response.text()).includes('true'),
      () => false,
    );
    if (healthy) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error('etcd did not become healthy');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
