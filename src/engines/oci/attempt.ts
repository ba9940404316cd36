import { chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { mountOverlay } from '../../lib/syscalls/overlay.ts';
import type { ContainerStatus } from '../engine.ts';
import type { ContainerSpec, SandboxSpec } from '../sandbox-spec.ts';
import type { Cgroups } from './cgroups.ts';
import { ociConfig } from './config.ts';
import { createUnderConmon } from './conmon.ts';
import { whyNotRunnable } from './find-in-root.ts';
import { type AttemptPaths, attemptPaths, type Layout, sandboxPaths } from './paths.ts';
import { containerState, deleteContainer, killContainer, type Runtime, startContainer } from './runtime.ts';
import { killAll, mentioned, readPid, removeTrees, runs } from './teardown.ts';
import { volumeMounts } from './volume-mounts.ts';

/** What every attempt needs of its engine. */
export interface Workshop {
  readonly layout: Layout;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly conmon: string;
  /** The static program of guest/pause. */
  readonly pauseProgram: string;
}

const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_KILLED = 137;
const ATTENDANT_MS = 5000;
const START_MS = 30_000;
const POLL_MS = 10;
const MESSAGE_BYTES = 4096;
const ROOT_NAME = '.pause';

/** One attempt of one container: its bundle, its conmon and what the files say about it. */
export class Attempt {
  readonly spec: ContainerSpec;
  readonly paths: AttemptPaths;
  readonly #sandbox: SandboxSpec;
  readonly #runtime: Runtime;
  readonly #shop: Workshop;
  #ended: ContainerStatus | undefined;

  constructor(spec: ContainerSpec, of: { sandbox: SandboxSpec; runtime: Runtime; shop: Workshop }) {
    this.spec = spec;
    this.#sandbox = of.sandbox;
    this.#runtime = of.runtime;
    this.#shop = of.shop;
    this.paths = attemptPaths(of.shop.layout, of.sandbox.id, spec);
  }

  /** The container that holds a gVisor sandbox open; it stands beside the user's containers. */
  static pause(of: { sandbox: SandboxSpec; runtime: Runtime; shop: Workshop }): Attempt {
    return new Attempt(pauseSpec(), of);
  }

  /** Makes everything and lets the process go. @throws ProcessFailed when it could not be started. */
  async start(signal: AbortSignal): Promise<void> {
    const { paths } = this;
    await mkdir(paths.bundle, { recursive: true });
    await writeFile(paths.record, JSON.stringify(this.spec));
    await this.#makeRoot();
    const config = await this.#config();
    await Promise.all([
      writeFile(paths.config, JSON.stringify(config)),
      mkdir(dirname(this.spec.logPath), { recursive: true }),
      makeTerminationFile(this.spec.terminationLogPath ?? paths.termination),
    ]);
    try {
      await this.#run(signal);
    } catch (error) {
      if (!isCode(error, 'ProcessFailed')) throw error;
      await this.#fail(error.message, signal);
      throw AmphoraError.during(`starting container ${this.spec.name}`, error);
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { process: what } = this.spec;
    const joins = this.#runtime.family === 'runsc' && this.spec.name !== ROOT_NAME;
    const conmon = {
      conmon: this.#shop.conmon,
      exits: this.#shop.layout.exits,
      sockets: this.#shop.layout.sockets,
      logPath: this.spec.logPath,
      terminal: what.terminal,
      stdin: what.stdin,
      stdinOnce: what.stdinOnce,
    };
    if (joins) {
      const problem = whyNotRunnable(this.paths.rootfs, this.spec);
      if (problem !== undefined) throw new AmphoraError('ProcessFailed', problem);
      // gVisor's kernel holds the process, so conmon watches a `runsc run` that waits for it and ends as it ends.
      const log = `--log=${join(this.paths.bundle, 'runsc.log')}`;
      const runtimeArgs = ['attend', this.#runtime.program, ...this.#runtime.globals, log];
      const watch = { runtime: this.#shop.pauseProgram, runtimeArgs };
      await this.#stamp();
      await createUnderConmon(this.paths, { ...conmon, ...watch }, signal);
      return this.#runsOrEnded(signal);
    }
    const { program, globals } = this.#runtime;
    await createUnderConmon(this.paths, { ...conmon, runtime: program, runtimeArgs: globals }, signal);
    await this.#stamp();
    const wrapper = this.#runtime.family === 'runsc' ? [this.#shop.pauseProgram, 'masked'] : [];
    await startContainer(this.#runtime, { id: this.paths.runtimeId, wrapper }, signal);
  }

  /** `runsc run` says nothing when the program runs; before that a signal would find nobody. */
  async #runsOrEnded(signal: AbortSignal): Promise<void> {
    const end = this.#shop.clock.now() + START_MS;
    while ((await this.status()).state !== 'exited') {
      const state = await containerState(this.#runtime, this.paths.runtimeId, signal);
      if (state === 'running' || state === 'stopped') return;
      if (this.#shop.clock.now() > end)
        throw new AmphoraError('Timeout', `container ${this.spec.name} did not start in time`);
      await this.#shop.clock.sleep(POLL_MS, signal);
    }
  }

  /** Written ahead of the start: after a crash between the two the process counts as started and is looked at. */
  async #stamp(): Promise<void> {
    await writeFile(this.paths.started, String(this.#shop.clock.now()));
  }

  async #makeRoot(): Promise<void> {
    const { paths, spec } = this;
    await mkdir(paths.rootfs, { recursive: true });
    if (spec.name === ROOT_NAME) return copyFile(this.#shop.pauseProgram, join(paths.rootfs, 'pause'));
    const root = this.#sandbox.roots[spec.name];
    if (root?.kind !== 'layers') {
      throw new AmphoraError(
        'BadRequest',
        `container ${spec.name} of sandbox ${this.#sandbox.id} has no root made of layers`,
      );
    }
    const upper = join(paths.layer, 'upper');
    const work = join(paths.layer, 'work');
    await Promise.all([mkdir(upper, { recursive: true }), mkdir(work, { recursive: true })]);
    mountOverlay({ lower: root.directories, upper, work, target: paths.rootfs });
  }

  async #config(): Promise<object> {
    const { paths, spec } = this;
    const root = attemptPaths(this.#shop.layout, this.#sandbox.id, pauseSpec());
    const kind = spec.name === ROOT_NAME ? 'sandbox' : 'container';
    return ociConfig({
      sandbox: this.#sandbox,
      container: spec,
      sandboxPaths: sandboxPaths(this.#shop.layout, this.#sandbox.id),
      paths,
      volumes: await volumeMounts(this.#sandbox, spec, paths),
      cgroupsPath: `${this.#shop.cgroups.pathOf(this.#sandbox.id)}/${paths.runtimeId}`,
      cgroupVersion: this.#shop.cgroups.version,
      family: this.#runtime.family,
      annotations:
        this.#runtime.family === 'runsc'
          ? {
              'io.kubernetes.cri.container-type': kind,
              'io.kubernetes.cri.sandbox-id': root.runtimeId,
              'io.kubernetes.cri.container-name': spec.name,
            }
          : {},
    });
  }

  async #fail(message: string, signal: AbortSignal): Promise<void> {
    const at = this.#shop.clock.now();
    const code = /permission denied|not executable|exec format|is a directory/i.test(message)
      ? EXIT_NOT_EXECUTABLE
      : EXIT_NOT_FOUND;
    await deleteContainer(this.#runtime, this.paths.runtimeId, signal);
    await this.#stopConmon();
    await writeFile(this.paths.failure, JSON.stringify({ at, code, message }));
  }

  async #stopConmon(): Promise<void> {
    const pid = await readPid(this.paths.conmonPidFile);
    if (pid !== undefined && (await runs(pid, this.paths.runtimeId))) await killAll([pid], this.#shop.clock);
  }

  /** What the world says: the exit file first, then whether conmon is still there to write one. */
  async status(): Promise<ContainerStatus> {
    if (this.#ended !== undefined) return this.#ended;
    const { name, attempt } = this.spec;
    const failure = await readJson(this.paths.failure);
    if (failure !== undefined) {
      const { at, code, message } = failure as { at: number; code: number; message: string }; // our own file
      this.#ended = {
        name,
        attempt,
        state: 'exited',
        finishedAt: at,
        exitCode: code,
        message,
      };
      return this.#ended;
    }
    const startedAt = Number.parseInt(await readFile(this.paths.started, 'utf8').catch(() => ''), 10);
    const ended = (await this.#exit(startedAt)) ?? (await this.#abandoned(startedAt));
    if (ended !== undefined) return ended;
    return Number.isNaN(startedAt)
      ? { name, attempt, state: 'created' }
      : { name, attempt, state: 'running', startedAt };
  }

  async #exit(startedAt: number): Promise<ContainerStatus | undefined> {
    const text = await readFile(this.paths.exit, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const { mtimeMs } = await stat(this.paths.exit);
    const finishedAt = Math.max(Math.round(mtimeMs), startedAt || 0);
    const exitCode = Number.parseInt(text, 10);
    const launch =
      this.#runtime.family === 'runsc' && exitCode === 128 ? await this.#launchFailure() : undefined;
    const oomKilled = await this.#shop.cgroups.oomKilled(this.#sandbox.id, this.paths.runtimeId);
    const message = launch?.message ?? (await this.#terminationMessage());
    this.#ended = {
      name: this.spec.name,
      attempt: this.spec.attempt,
      state: 'exited',
      ...(Number.isNaN(startedAt) ? {} : { startedAt }),
      finishedAt,
      exitCode: launch?.code ?? exitCode,
      ...(oomKilled ? { oomKilled } : {}),
      ...(message === '' ? {} : { message }),
    };
    return this.#ended;
  }

  /** `runsc run` ends with 128 when it could not start the program, and its log says why. */
  async #launchFailure(): Promise<{ code: number; message: string } | undefined> {
    const text = await readFile(join(this.paths.bundle, 'runsc.log'), 'utf8').catch(() => '');
    const message = text.trim().split('\n').at(-1) ?? '';
    if (!/starting container|failed to load|no such file|permission denied/i.test(message)) return undefined;
    return {
      code: /permission denied|exec format|EACCES/i.test(message) ? EXIT_NOT_EXECUTABLE : EXIT_NOT_FOUND,
      message,
    };
  }

  /** A container without its conmon has nobody to take its exit code or its output: it is ended. */
  async #abandoned(startedAt: number): Promise<ContainerStatus | undefined> {
    const pid = await readPid(this.paths.conmonPidFile);
    if (pid === undefined || (await runs(pid, this.paths.runtimeId))) return undefined;
    // Its process was never let go, so there is no end of it to tell: whoever made it makes it again.
    if (Number.isNaN(startedAt)) return undefined;
    const late = await this.#exit(startedAt);
    if (late !== undefined) return late;
    await deleteContainer(this.#runtime, this.paths.runtimeId, AbortSignal.timeout(10_000));
    const at = this.#shop.clock.now();
    await writeFile(
      this.paths.failure,
      JSON.stringify({ at, code: EXIT_KILLED, message: 'its monitor (conmon) was killed' }),
    );
    return this.status();
  }

  /** Whether it was made but its process never ran; asked after a crash, when nobody else is starting it. */
  async caughtBeforeStart(signal: AbortSignal): Promise<boolean> {
    await this.#landed(signal);
    const { state } = await this.status();
    if (state === 'created') return true;
    if (state !== 'running') return false;
    // The start was announced, and the monitor never came to be.
    if ((await readPid(this.paths.conmonPidFile)) === undefined) return true;
    return (await containerState(this.#runtime, this.paths.runtimeId, signal)) === 'created';
  }

  /** A monitor that was called before a crash goes on by itself: waits until it has made the container or given up. */
  async #landed(signal: AbortSignal): Promise<void> {
    const end = this.#shop.clock.now() + START_MS;
    while ((await readPid(this.paths.pidFile)) === undefined && (await mentioned(this.paths.runtimeId))) {
      if (this.#shop.clock.now() > end) return;
      await this.#shop.clock.sleep(POLL_MS, signal);
    }
  }

  async #terminationMessage(): Promise<string> {
    if (this.spec.terminationMessageFile === undefined) return '';
    const text = await readFile(this.spec.terminationLogPath ?? this.paths.termination, 'utf8').catch(
      () => '',
    );
    return text.slice(0, MESSAGE_BYTES);
  }

  /** Kills a gVisor sandbox at its kernel, for when all of it goes: the processes that wait for its containers end. */
  async killKernel(): Promise<void> {
    const pid = await readPid(this.paths.pidFile);
    if (pid !== undefined && (await runs(pid, this.paths.runtimeId))) await killAll([pid], this.#shop.clock);
  }

  /** `runsc run` destroys the container as it ends, and a `delete` at the same time makes both wait for each other. */
  async #endAttendant(signal: AbortSignal): Promise<void> {
    if (this.spec.name === ROOT_NAME) return this.killKernel();
    const pid = await readPid(this.paths.pidFile);
    const end = this.#shop.clock.now() + ATTENDANT_MS;
    if (pid === undefined || !(await runs(pid, this.paths.runtimeId))) return;
    await killContainer(this.#runtime, { id: this.paths.runtimeId, signal: 'SIGKILL' }, signal);
    while ((await runs(pid, this.paths.runtimeId)) && this.#shop.clock.now() < end)
      await this.#shop.clock.sleep(POLL_MS, signal);
    if (await runs(pid, this.paths.runtimeId)) await killAll([pid], this.#shop.clock);
  }

  /** Ends and forgets it; everything it owned goes. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#landed(signal);
    if (this.#runtime.family === 'runsc') await this.#endAttendant(signal);
    await deleteContainer(this.#runtime, this.paths.runtimeId, signal);
    await this.#stopConmon();
    await removeTrees(this.paths.bundle, this.paths.layer);
    await Promise.all([rm(this.paths.exit, { force: true }), rm(this.paths.socketLink, { force: true })]);
  }
}

/** @returns undefined when there is no such file. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // A crash cut it short: as if it had not been written.
  }
}

function pauseSpec(): ContainerSpec {
  return {
    name: ROOT_NAME,
    attempt: 0,
    process: {
      args: ['/pause'],
      env: [],
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
      noNewPrivileges: true,
      capabilities: [],
      seccomp: 'default',
      oomScoreAdj: 0,
    },
    logPath: '/dev/null',
    stopSignal: 'SIGTERM',
  };
}

/** Whoever the container's process runs as may write it. */
async function makeTerminationFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  await writeFile(path, '', { flag: 'a' });
  await chmod(path, 0o666);
}
