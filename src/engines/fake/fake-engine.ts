import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Capabilities, ContainerStatus, Engine, SandboxStatus, StopOptions, Target } from '../engine.ts';
import type { ClassFingerprint, ContainerSpec, SandboxSpec } from '../sandbox-spec.ts';
import { FakeEvents } from './events.ts';
import { FAKE_PROGRAMS, type Programs, type Script, scriptOf } from './script.ts';

export interface FakeEngineOptions {
  readonly clock: Clock;
  /** Runtime classes it pretends to run: `['container', 'gvisor', 'microvm']`. */
  readonly classes: readonly string[];
  readonly programs?: Programs;
  /** Takes what containers print, as lines of a CRI log; the default appends to the container's log file. */
  readonly writeLog?: (path: string, lines: string) => Promise<void>;
  /** How long a sandbox takes to be made, and a container to start. */
  readonly createMs?: number;
  readonly startMs?: number;
}

interface FakeContainer {
  readonly spec: ContainerSpec;
  status: ContainerStatus;
  readonly killed: AbortController;
  ended: Promise<void>;
}

interface FakeSandbox {
  readonly spec: SandboxSpec;
  readonly containers: Map<string, FakeContainer>;
}

const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_KILLED = 137;
const EXIT_TERMINATED = 143;
const MEMORY_BYTES = 1024 * 1024;
const NANOSECONDS_PER_MS = 1_000_000;

/** An engine in memory: nothing on the machine changes but log files. For simulations, embedding and tests. */
export function createFakeEngine(options: FakeEngineOptions): Engine {
  return new FakeEngine(options);
}

class FakeEngine implements Engine {
  readonly name = 'fake';
  readonly capabilities: Capabilities;
  readonly #options: FakeEngineOptions;
  readonly #sandboxes = new Map<string, FakeSandbox>();
  readonly #events = new FakeEvents();

  constructor(options: FakeEngineOptions) {
    this.#options = options;
    this.capabilities = {
      stats: async (id) => {
        const running = [...this.#known(id).containers.values()].filter(
          ({ status }) => status.state === 'running',
        );
        const at = options.clock.now();
        const spent = running.reduce((sum, { status }) => sum + (at - (status.startedAt ?? at)) + 1, 0);
        const memoryBytes = MEMORY_BYTES * (1 + running.length);
        return {
          at,
          cpuNanoseconds: spent * NANOSECONDS_PER_MS,
          memoryBytes,
          workingSetBytes: memoryBytes,
          pids: running.length,
        };
      },
    };
  }

  async fingerprint(): Promise<readonly ClassFingerprint[]> {
    const facts = { available: true, version: 'fake 1', reason: '', unsupported: [], overheadBytes: 0 };
    return this.#options.classes.map((runtimeClass) => ({ runtimeClass, ...facts }));
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<void> {
    if (this.#sandboxes.has(spec.id)) return;
    if (!this.#options.classes.includes(spec.runtimeClass)) {
      throw new AmphoraError('BadRequest', `the fake engine has no runtime class ${spec.runtimeClass}`);
    }
    await this.#pause(this.#options.createMs, signal);
    if (!this.#sandboxes.has(spec.id)) this.#sandboxes.set(spec.id, { spec, containers: new Map() });
    this.#events.wake(spec.id);
  }

  async #pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ms !== undefined && ms > 0) await this.#options.clock.sleep(ms, signal);
  }

  #known(id: string): FakeSandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined)
      throw new AmphoraError('NotFound', `sandbox ${id} does not exist; create it first`);
    return sandbox;
  }

  async start(sandboxId: string, spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    const { containers } = this.#known(sandboxId);
    const known = containers.get(spec.name);
    if (known !== undefined && known.spec.attempt === spec.attempt) return;
    if (known !== undefined && known.spec.attempt > spec.attempt) {
      throw new AmphoraError(
        'Conflict',
        `container ${spec.name} is already at attempt ${known.spec.attempt}`,
      );
    }
    await this.#pause(this.#options.startMs, signal);
    known?.killed.abort();
    const script = scriptOf(spec.process.args, this.#options.programs ?? FAKE_PROGRAMS);
    const startedAt = this.#options.clock.now();
    const base = { name: spec.name, attempt: spec.attempt, startedAt };
    const killed = new AbortController();
    const container: FakeContainer = {
      spec,
      status: { ...base, state: 'running' },
      killed,
      ended: Promise.resolve(),
    };
    containers.set(spec.name, container);
    if (typeof script === 'string') {
      const exitCode = script === 'missing' ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
      const message = `exec ${spec.process.args[0]}: ${script}`;
      container.status = { ...base, state: 'exited', finishedAt: startedAt, exitCode, message };
      this.#events.wake(sandboxId);
      throw new AmphoraError('ProcessFailed', message);
    }
    container.ended = this.#live(sandboxId, container, script);
    this.#events.wake(sandboxId);
  }

  async #live(sandboxId: string, container: FakeContainer, script: Exclude<Script, string>): Promise<void> {
    const exitCode = await this.#play(container, script).catch((error: unknown) => {
      if (container.killed.signal.aborted) return Number(container.killed.signal.reason) || EXIT_KILLED;
      container.status = { ...container.status, message: String(error) };
      return 1;
    });
    container.status = {
      ...container.status,
      state: 'exited',
      exitCode,
      finishedAt: this.#options.clock.now(),
    };
    this.#events.wake(sandboxId);
  }

  async #play({ spec, killed }: FakeContainer, script: Exclude<Script, string>): Promise<number> {
    for (const step of script) {
      killed.signal.throwIfAborted();
      if (step.kind === 'exit') return step.code;
      if (step.kind === 'print') await this.#log(spec.logPath, step.stream, step.text);
      else if (Number.isFinite(step.ms)) await this.#options.clock.sleep(step.ms, killed.signal);
      else await new Promise((_, reject) => killed.signal.addEventListener('abort', reject, { once: true }));
    }
    return 0;
  }

  async #log(path: string, stream: string, text: string): Promise<void> {
    const time = new Date(this.#options.clock.now()).toISOString().replace('Z', '000000+00:00');
    const parts = text.split('\n');
    const last = parts.pop() ?? '';
    const lines = parts.map((part) => `${time} ${stream} F ${part}\n`);
    if (last !== '') lines.push(`${time} ${stream} P ${last}\n`);
    await (this.#options.writeLog ?? appendLog)(path, lines.join(''));
  }

  /** Every fake program obeys the stop signal at once; without a grace it is killed. */
  async stop(target: Target, { graceMs }: StopOptions, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const containers = this.#sandboxes.get(target.sandboxId)?.containers ?? new Map<string, FakeContainer>();
    const chosen = [...containers.values()].filter(
      ({ spec }) => (target.container ?? spec.name) === spec.name,
    );
    for (const { killed } of chosen) killed.abort(graceMs > 0 ? EXIT_TERMINATED : EXIT_KILLED);
    await Promise.all(chosen.map(({ ended }) => ended));
  }

  async remove(target: Target, signal: AbortSignal): Promise<void> {
    const sandbox = this.#sandboxes.get(target.sandboxId);
    if (sandbox === undefined) return;
    await this.stop(target, { graceMs: 0 }, signal);
    if (target.container === undefined) this.#sandboxes.delete(target.sandboxId);
    else sandbox.containers.delete(target.container);
    this.#events.wake(target.sandboxId);
  }

  async inspect(sandboxId: string): Promise<SandboxStatus | undefined> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined) return undefined;
    const { id, podUid, runtimeClass } = sandbox.spec;
    const containers = [...sandbox.containers.values()].map(({ status }) => status);
    return { id, podUid, runtimeClass, phase: 'ready', containers, kernel: 'fake' };
  }

  async list(): Promise<readonly SandboxStatus[]> {
    const all = await Promise.all([...this.#sandboxes.keys()].map((id) => this.inspect(id)));
    return all.filter((one) => one !== undefined);
  }

  events(signal: AbortSignal): AsyncIterable<string> {
    return this.#events.stream(signal);
  }

  async recover(): Promise<void> {}

  async close(): Promise<void> {
    for (const id of [...this.#sandboxes.keys()])
      await this.remove({ sandboxId: id }, new AbortController().signal);
  }
}

async function appendLog(path: string, lines: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, lines);
}
