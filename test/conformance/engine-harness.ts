import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerStatus, Engine } from '../../src/engines/engine.ts';
import type {
  ContainerSpec,
  PreparedRoot,
  PreparedVolume,
  SandboxNetwork,
  SandboxSpec,
} from '../../src/engines/sandbox-spec.ts';
import { run } from '../../src/lib/run.ts';

/** What an engine under test may lack; each lack carries its reason and skips the tests that need it. */
export type Feature =
  | 'shell'
  | 'mounts'
  | 'limits'
  | 'seccomp'
  | 'survivesProcess'
  | 'sharedScratch'
  | 'hostname'
  | 'identity'
  | 'tty'
  | 'serve';

/** How the suite reaches one engine. */
export interface EngineHarness {
  readonly name: string;
  readonly runtimeClass: string;
  /** Why nothing can be tested here; undefined when everything can. */
  readonly skip?: string;
  readonly lacks: Partial<Record<Feature, string>>;
  /** A folder of the test's own. */
  readonly scratch: string;
  /** Longest a sandbox may take to be made or to end, in milliseconds. */
  readonly patienceMs: number;
  /** A new engine over the same state each time, as after a restart. */
  open(): Promise<Engine>;
  /** A root made from {@link busyboxTree}. */
  root(): Promise<PreparedRoot>;
  network(sandboxId: string): Promise<{ network: SandboxNetwork; release(): Promise<void> }>;
  /** Everything on the machine that belongs to a sandbox of this id: mounts, cgroups, processes, files. */
  leftovers(sandboxId: string): Promise<readonly string[]>;
  /** A module that exports `open(options): Promise<Engine>`, for a process that is killed. */
  readonly child?: { readonly module: string; readonly options: unknown };
  close(): Promise<void>;
}

export const NEVER = new AbortController().signal;

const APPLETS = ['sh', 'sleep', 'cat', 'echo', 'ls', 'id', 'hostname', 'env', 'pwd', 'true', 'false', 'kill'];
const MORE_APPLETS = ['stty', 'nc', 'dd', 'tail', 'printf', 'touch', 'mkdir', 'uname', 'wc', 'seq', 'mount'];

/** A root file system of one static busybox in `directory`. */
export async function busyboxTree(directory: string): Promise<void> {
  for (const folder of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'data', 'root', 'run', 'var']) {
    await mkdir(join(directory, folder), { recursive: true });
  }
  await run('install', ['-m', '0755', '/bin/busybox', join(directory, 'bin/busybox')]);
  await run('install', ['-m', '0644', '/etc/hostname', join(directory, 'etc/not-executable')]);
  for (const applet of [...APPLETS, ...MORE_APPLETS])
    await symlink('busybox', join(directory, 'bin', applet));
}

/** Waits for a condition with a deadline; answers what it found. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) assert.fail(`waited ${deadlineMs} ms in vain for: ${what}`);
    await delay(20);
  }
}

export interface BoxOptions {
  readonly containers?: readonly string[];
  readonly volumes?: Readonly<Record<string, PreparedVolume>>;
  readonly spec?: Partial<SandboxSpec>;
}

/** One sandbox under test and the shorthands for it. */
export class Box {
  engine: Engine;
  readonly spec: SandboxSpec;
  readonly harness: EngineHarness;
  readonly release: () => Promise<void>;

  private constructor(
    harness: EngineHarness,
    made: { engine: Engine; spec: SandboxSpec; release: () => Promise<void> },
  ) {
    this.harness = harness;
    this.engine = made.engine;
    this.spec = made.spec;
    this.release = made.release;
  }

  static async make(harness: EngineHarness, engine: Engine, options: BoxOptions = {}): Promise<Box> {
    const box = await Box.prepare(harness, engine, options);
    try {
      await engine.create(box.spec, AbortSignal.timeout(harness.patienceMs));
      return box;
    } catch (error) {
      await box.release();
      throw error;
    }
  }

  /** Like make, but the engine has not been asked yet. */
  static async prepare(harness: EngineHarness, engine: Engine, options: BoxOptions = {}): Promise<Box> {
    const id = `t-${harness.name}-${Math.random().toString(36).slice(2, 10)}`;
    const { network, release } = await harness.network(id);
    const root = await harness.root();
    const names = options.containers ?? ['main'];
    await mkdir(join(harness.scratch, 'logs', id), { recursive: true });
    const spec: SandboxSpec = {
      id,
      podUid: id,
      podNamespace: 'default',
      podName: 'conformance',
      bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
      runtimeClass: harness.runtimeClass,
      hostname: 'conform',
      network,
      dns: { servers: ['192.0.2.53'], searches: ['example.test'], options: ['ndots:5'] },
      hostAliases: [{ ip: '192.0.2.7', hostnames: ['seven'] }],
      resources: { memoryBytes: 256 * 1024 * 1024 },
      sharePidNamespace: false,
      hostPid: false,
      hostIpc: false,
      sysctls: {},
      roots: Object.fromEntries(names.map((name) => [name, root])),
      volumes: options.volumes ?? {},
      ...options.spec,
    };
    return new Box(harness, { engine, spec, release });
  }

  logPath(name = 'main', attempt = 0): string {
    return join(this.harness.scratch, 'logs', this.spec.id, `${name}-${attempt}.log`);
  }

  container(args: readonly [string, ...string[]], more: Partial<ContainerSpec> = {}): ContainerSpec {
    const name = more.name ?? 'main';
    return {
      name,
      attempt: 0,
      process: {
        args,
        env: ['PATH=/bin', 'COLOUR=green'],
        cwd: '/',
        user: { uid: 0, gid: 0, additionalGids: [] },
        terminal: false,
        stdin: false,
        stdinOnce: false,
      },
      mounts: [],
      resources: {},
      readOnlyRoot: false,
      security: {
        privileged: false,
        noNewPrivileges: false,
        capabilities: ['CAP_KILL', 'CAP_SETUID', 'CAP_SETGID', 'CAP_DAC_OVERRIDE', 'CAP_CHOWN'],
        seccomp: 'default',
        oomScoreAdj: 0,
      },
      logPath: this.logPath(name, more.attempt ?? 0),
      stopSignal: 'SIGTERM',
      ...more,
    };
  }

  async start(args: readonly [string, ...string[]], more: Partial<ContainerSpec> = {}): Promise<void> {
    await this.engine.start(
      this.spec.id,
      this.container(args, more),
      AbortSignal.timeout(this.harness.patienceMs),
    );
  }

  /** Starts a shell command. */
  async sh(command: string, more: Partial<ContainerSpec> = {}): Promise<void> {
    await this.start(['/bin/sh', '-c', command], more);
  }

  async status(name = 'main'): Promise<ContainerStatus | undefined> {
    const status = await this.engine.inspect(this.spec.id, NEVER);
    return status?.containers.find((container) => container.name === name);
  }

  exited(name = 'main', attempt = 0): Promise<ContainerStatus> {
    return until(
      `${name} attempt ${attempt} to exit`,
      async () => {
        const status = await this.status(name);
        return status?.state === 'exited' && status.attempt === attempt ? status : undefined;
      },
      this.harness.patienceMs,
    );
  }

  /** The log as (stream, tag, text) triples. */
  async log(name = 'main', attempt = 0): Promise<Array<{ stream: string; tag: string; text: string }>> {
    const text = await readFile(this.logPath(name, attempt), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const match = /^(\S+) (stdout|stderr) ([FP]) (.*)$/.exec(line);
        assert.ok(match, `not a CRI log line: ${JSON.stringify(line)}`);
        const [, time, stream, tag, rest] = match;
        assert.ok(!Number.isNaN(Date.parse(time ?? '')), `not a time: ${time}`);
        return { stream: stream ?? '', tag: tag ?? '', text: rest ?? '' };
      });
  }

  async output(name = 'main', attempt = 0): Promise<string> {
    return (await this.log(name, attempt))
      .filter((line) => line.stream === 'stdout')
      .map((line) => line.text + (line.tag === 'F' ? '\n' : ''))
      .join('');
  }

  /** Runs a shell command to its end; answers exit code and what it printed. */
  async result(command: string, more: Partial<ContainerSpec> = {}): Promise<{ code: number; out: string }> {
    await this.sh(command, more);
    const status = await this.exited(more.name, more.attempt);
    return { code: status.exitCode ?? -1, out: await this.output(more.name, more.attempt) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.engine.remove({ sandboxId: this.spec.id }, AbortSignal.timeout(60_000));
    } finally {
      await this.release();
      await rm(join(this.harness.scratch, 'logs', this.spec.id), { recursive: true, force: true });
    }
  }
}
