import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyFilesIn } from '../access/authn/key-files.ts';
import { openPki } from '../access/authn/pki.ts';
import type { Lease, Node } from '../api/types.generated.ts';
import type { UpOptions } from '../cli/platform.ts';
import type { Progress } from '../cli/progress.ts';
import { writeKubeconfig } from '../client/kubeconfig.ts';
import { systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { SECOND_MS } from '../lib/limits.ts';
import { placeAccessFiles } from './access-config.ts';
import { configure, placeEtcdFiles } from './configure.ts';
import { createConnection } from './connection.ts';
import { type InstalledProgram, installProgram, removeOldPrograms } from './install-program.ts';
import { type InstanceConfig, type Layout, layoutOf } from './instance.ts';
import { joinPki } from './join-pki.ts';
import { endProcess, readProcessFile, writeProcessFile } from './process-file.ts';
import { selfCommand, selfEnvironment } from './self.ts';
import { checkStateFormat } from './state-format.ts';
import { processFile } from './status.ts';
import { ensureUser, type SystemUser } from './system-user.ts';

const SERVER_DEADLINE_MS = 20 * SECOND_MS;
const NODE_DEADLINE_MS = 60 * SECOND_MS;
const POLL_MS = 25;
const STOP_GRACE_MS = 10 * SECOND_MS;

export interface UpRequest {
  readonly options: UpOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Sets up what is missing and starts both processes. What runs already is left running. */
export async function bringUp(name: string, { options, progress, signal }: UpRequest): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new AmphoraError('Forbidden', "'amphora up' makes namespaces and cgroups: run it as root (sudo)");
  const layout = layoutOf(name);
  const config = await configure(layout, name, options);
  const user = await ensureUser(layout.user, layout.serverState);
  await makeDirectories(layout, user);
  await checkStateFormat(layout.state);
  await placeEtcdFiles(layout, config, user);
  await placeAccessFiles(layout, config.access ?? {}, user);
  await writeCredentials(layout, {
    config,
    user,
    ...(options.pki === undefined ? {} : { shared: options.pki }),
  });
  const { foreground } = options;
  const program = await installProgram(layout.program);
  const running = await Promise.all(
    ['server' as const, 'node' as const].map((role) => readProcessFile(processFile(layout, role))),
  );
  if (running.every((process) => process === undefined)) await removeOldPrograms(layout.program, program);
  if ((await readProcessFile(processFile(layout, 'server'))) === undefined) {
    await progress.step('server', async () => {
      await start(layout, {
        role: 'server',
        args: [layout.configFile, layout.serverState],
        foreground,
        program,
        user,
      });
      await waitFor('server', () => isServing(layout), { deadlineMs: SERVER_DEADLINE_MS, signal, layout });
    });
  }
  if ((await readProcessFile(processFile(layout, 'node'))) === undefined) {
    await progress.step('node', async () => {
      const since = Date.now();
      await start(layout, { role: 'node', args: [layout.configFile], foreground, program });
      const ready = () => isNodeReady(layout, config.nodeName, since);
      await waitFor('node', ready, { deadlineMs: NODE_DEADLINE_MS, signal, layout });
    });
  }
  if (foreground) await stay(layout, signal);
}

/** Until Ctrl-C; then both processes end, the node first, since it talks to the server. */
async function stay(layout: Layout, signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  for (const role of ['node', 'server'] as const) await endProcess(processFile(layout, role), STOP_GRACE_MS);
}

async function makeDirectories(layout: Layout, user: SystemUser): Promise<void> {
  for (const path of [layout.state, layout.run, layout.log])
    await mkdir(path, { recursive: true, mode: 0o755 });
  for (const path of [layout.serverState, join(layout.serverState, 'pki'), layout.nodeState])
    await mkdir(path, { recursive: true, mode: 0o700 });
  for (const path of [layout.serverState, join(layout.serverState, 'pki')])
    await chown(path, user.uid, user.gid);
}

/** The authority is made by root, so that the node's and the administrator's keys never belong to the server's user. */
async function writeCredentials(
  layout: Layout,
  { config, user, shared }: { config: InstanceConfig; user: SystemUser; shared?: string },
): Promise<void> {
  const directory = join(layout.serverState, 'pki');
  if (shared !== undefined) await joinPki(directory, shared);
  const pki = await openPki({ keys: keyFilesIn(directory), clock: systemClock });
  await pki.server(config.host === '127.0.0.1' ? [] : [config.host]);
  await ownAll(directory, user);
  const server = `https://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${config.port}`;
  const write = async (path: string, subject: { user: string; groups: string[] }) => {
    const pair = await pki.issue(subject);
    await writeKubeconfig(
      path,
      { server, ca: pki.caCertificate, cert: pair.certificate, key: pair.key },
      layout.user,
    );
  };
  await write(layout.kubeconfig, { user: 'admin', groups: ['system:masters'] });
  await write(join(layout.nodeState, 'kubeconfig'), {
    user: `system:node:${config.nodeName}`,
    groups: ['system:nodes'],
  });
}

async function ownAll(directory: string, user: SystemUser): Promise<void> {
  for (const file of await readdir(directory, { recursive: true })) {
    await chown(join(directory, file), user.uid, user.gid);
    if (file.endsWith('.key')) await chmod(join(directory, file), 0o600);
  }
}

interface Start {
  readonly role: 'server' | 'node';
  readonly args: readonly string[];
  /** Logs go to this terminal instead of to a file. */
  readonly foreground: boolean;
  readonly program: InstalledProgram;
  /** Root where left out. */
  readonly user?: SystemUser;
}

/** Starts one of the two processes in a session of its own, its log in a file, and remembers which it is. */
async function start(layout: Layout, { role, args, foreground, program, user }: Start): Promise<void> {
  const log = await open(join(layout.log, `${role}.log`), 'a', 0o640);
  try {
    const [runtime, ...before] = selfCommand(role, program);
    const child = spawn(runtime, [...before, `run-${role}`, ...args], {
      detached: true,
      cwd: '/',
      stdio: foreground ? ['ignore', 'inherit', 'inherit'] : ['ignore', log.fd, log.fd],
      env: {
        PATH: process.env.PATH,
        AMPHORA_LOG: process.env.AMPHORA_LOG,
        HOME: layout.state,
        ...selfEnvironment(role, layout),
      },
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    await new Promise<void>((started, failed) => {
      child.once('spawn', started);
      child.once('error', failed);
    });
    await writeProcessFile(processFile(layout, role), child.pid ?? 0);
    child.unref();
  } finally {
    await log.close();
  }
}

interface Wait {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly layout: Layout;
}

/** @throws Timeout or ProcessFailed with the end of the process's log. */
async function waitFor(role: 'server' | 'node', ready: () => Promise<boolean>, wait: Wait): Promise<void> {
  const deadline = performance.now() + wait.deadlineMs;
  while (!(await ready())) {
    wait.signal.throwIfAborted();
    const alive = (await readProcessFile(processFile(wait.layout, role))) !== undefined;
    if (alive && performance.now() < deadline) {
      await systemClock.sleep(POLL_MS, wait.signal);
      continue;
    }
    const path = join(wait.layout.log, `${role}.log`);
    const tail = (await readFile(path, 'utf8')).trim().split('\n').slice(-5).join('\n');
    const what = alive ? `is not ready after ${wait.deadlineMs / SECOND_MS} s` : 'ended';
    throw new AmphoraError(
      alive ? 'Timeout' : 'ProcessFailed',
      `the ${role} process ${what}. The end of ${path}:\n${tail}`,
    );
  }
}

async function isServing(layout: Layout): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const client = stack.adopt(await createConnection(layout.kubeconfig), (open) => open.close());
  const reference = { apiVersion: 'v1', resource: 'namespaces', name: 'default' };
  return await client.get(reference, { signal: AbortSignal.timeout(2 * SECOND_MS) }).then(
    () => true,
    () => false,
  );
}

/** Ready, and said so by the process that was started now: what an earlier one said is still in the store. */
async function isNodeReady(layout: Layout, name: string, since: number): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const client = stack.adopt(await createConnection(layout.kubeconfig), (open) => open.close());
  const signal = AbortSignal.timeout(2 * SECOND_MS);
  const node = await client
    .get<Node>({ apiVersion: 'v1', resource: 'nodes', name }, { signal })
    .catch(() => undefined);
  const reference = {
    apiVersion: 'coordination.k8s.io/v1',
    resource: 'leases',
    namespace: 'kube-node-lease',
    name,
  };
  const lease = await client.get<Lease>(reference, { signal }).catch(() => undefined);
  const ready = node?.status?.conditions?.find((condition) => condition.type === 'Ready');
  return ready?.status === 'True' && Date.parse(lease?.spec?.renewTime ?? '') >= since;
}
