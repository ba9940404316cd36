import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  issueClient,
  issueServer,
  loadIssuer,
} from '../../src/access/authn/certificates.ts';
import { EtcdConnection, type EtcdEndpoints } from '../../src/store/etcd/connection.ts';

const PROGRAM = '/usr/bin/etcd';
const HEALTHY_MS = 30_000;

export const NO_ETCD = existsSync(PROGRAM) ? undefined : 'etcd is not installed (package etcd-server)';

export interface EtcdServers extends AsyncDisposable {
  /** Of the first member. */
  readonly endpoint: string;
  /** What a store connects with. */
  readonly connect: EtcdEndpoints;
  /** Paths of what {@link connect} holds; empty without TLS. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Ends a member as a power cut would. */
  kill(member: number): Promise<void>;
  /** Starts a member again from what it had. */
  start(member: number): Promise<void>;
}

/** Debian's etcd on free ports of 127.0.0.1, in a folder of its own. With `tls` it asks for client certificates. */
export async function startEtcd(
  options: { readonly tls?: boolean; readonly members?: number } = {},
): Promise<EtcdServers> {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-etcd-'));
  const tls = options.tls === true ? await makeCertificates(folder) : undefined;
  const scheme = tls === undefined ? 'http' : 'https';
  const members = await Promise.all(
    Array.from({ length: options.members ?? 1 }, async (_, index) => {
      const [client, peer] = await Promise.all([freePort(), freePort()]);
      return {
        name: `m${index}`,
        endpoint: `${scheme}://127.0.0.1:${client}`,
        peer: `http://127.0.0.1:${peer}`,
        child: undefined as ChildProcess | undefined, // Set when it is started.
      };
    }),
  );
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
  const find = (index: number) => {
    const member = members[index];
    if (member === undefined) throw new RangeError(`no member ${index}`);
    return member;
  };
  const spawnMember = (index: number) => {
    const member = find(index);
    const args = [
      ...['--name', member.name, '--data-dir', join(folder, member.name)],
      ...['--listen-client-urls', member.endpoint, '--advertise-client-urls', member.endpoint],
      ...['--listen-peer-urls', member.peer, '--initial-advertise-peer-urls', member.peer],
      ...['--initial-cluster', cluster, '--logger', 'zap', '--log-level', 'error'],
      // Elections as fast as one machine allows.
      ...(members.length > 1 ? ['--heartbeat-interval', '50', '--election-timeout', '500'] : []),
      ...(tls === undefined ? [] : tls.arguments),
    ];
    member.child = spawn(PROGRAM, args, { stdio: 'ignore' });
  };
  const connect = (endpoints: readonly string[]): EtcdEndpoints => ({
    endpoints,
    ...(tls === undefined ? {} : { tls: tls.connect }),
  });
  const kill = async (index: number) => {
    const { child } = find(index);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  const dispose = async () => {
    for (const index of members.keys()) await kill(index);
    await rm(folder, { recursive: true });
  };
  try {
    for (const index of members.keys()) spawnMember(index);
    await Promise.all(members.map(({ endpoint }) => waitHealthy(connect([endpoint]))));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    endpoint: find(0).endpoint,
    connect: connect(members.map(({ endpoint }) => endpoint)),
    files: tls?.files ?? { ca: '', cert: '', key: '' },
    kill,
    start: async (index) => {
      spawnMember(index);
      await waitHealthy(connect([find(index).endpoint]));
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function makeCertificates(folder: string) {
  const validity = { now: Date.now(), days: 1 };
  const authority = await createAuthority('etcd-test', validity);
  const issuer = await loadIssuer(authority);
  const server = await issueServer(issuer, { name: 'etcd', names: ['localhost', '127.0.0.1'], ...validity });
  const client = await issueClient(issuer, { user: 'amphora', groups: [], ...validity });
  const path = (name: string) => join(folder, 'tls', name);
  await mkdir(join(folder, 'tls'));
  const files = { ca: path('ca.crt'), cert: path('client.crt'), key: path('client.key') };
  await writeFile(files.ca, authority.certificate);
  await writeFile(files.cert, client.certificate);
  await writeFile(files.key, client.key, { mode: 0o600 });
  await writeFile(path('server.crt'), server.certificate);
  await writeFile(path('server.key'), server.key, { mode: 0o600 });
  return {
    files,
    arguments: [
      ...['--cert-file', path('server.crt'), '--key-file', path('server.key')],
      ...['--client-cert-auth', '--trusted-ca-file', files.ca],
    ],
    connect: {
      ca: Buffer.from(authority.certificate),
      certificate: Buffer.from(client.certificate),
      key: Buffer.from(client.key),
    },
  };
}

/** A quorum read is answered. */
async function waitHealthy(endpoints: EtcdEndpoints): Promise<void> {
  const deadline = Date.now() + HEALTHY_MS;
  const connection = new EtcdConnection(endpoints);
  try {
    for (;;) {
      try {
        await connection.range({ key: Buffer.from('health') }, AbortSignal.timeout(HEALTHY_MS));
        return;
      } catch (error) {
        if (Date.now() > deadline) throw new Error('etcd did not become healthy', { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  } finally {
    connection.close();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
