import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, mount } from '../../lib/syscalls/mount.ts';
import type { SandboxStatus, StopOptions } from '../engine.ts';
import type { ContainerSpec, SandboxSpec } from '../sandbox-spec.ts';
import { Attempt, readJson, type Workshop } from './attempt.ts';
import { writeEtcFiles } from './etc-files.ts';
import { pinNamespaces } from './namespaces.ts';
import { type SandboxPaths, sandboxPaths } from './paths.ts';
import { killContainer, type Runtime } from './runtime.ts';
import { killAll, removeTrees } from './teardown.ts';

const KILL_WAIT_MS = 20_000;

export interface SandboxParts {
  readonly runtime: Runtime;
  readonly shop: Workshop;
  /** Resolves when something changed in this sandbox, or after a while. */
  readonly changed: (sandboxId: string, signal: AbortSignal) => Promise<void>;
}

/** One sandbox: a record on disk, its namespaces and cgroup, and the newest attempt of each container. */
export class Sandbox {
  readonly spec: SandboxSpec;
  readonly paths: SandboxPaths;
  readonly #parts: SandboxParts;
  readonly #attempts = new Map<string, Attempt>();
  #pause: Attempt | undefined;

  constructor(spec: SandboxSpec, parts: SandboxParts) {
    this.spec = spec;
    this.#parts = parts;
    this.paths = sandboxPaths(parts.shop.layout, spec.id);
    if (parts.runtime.family === 'runsc') this.#pause = Attempt.pause(this.#of());
  }

  #of() {
    return { sandbox: this.spec, runtime: this.#parts.runtime, shop: this.#parts.shop };
  }

  get runtime(): Runtime {
    return this.#parts.runtime;
  }

  attempt(name: string): Attempt | undefined {
    return this.#attempts.get(name);
  }

  /** Runtime ids of what can end here. */
  runtimeIds(): string[] {
    const pause = this.#pause === undefined ? [] : [this.#pause.paths.runtimeId];
    return [...pause, ...[...this.#attempts.values()].map(({ paths }) => paths.runtimeId)];
  }

  async create(signal: AbortSignal): Promise<void> {
    const { paths, spec } = this;
    await mkdir(paths.containers, { recursive: true });
    await writeFile(`${paths.record}.tmp`, JSON.stringify(spec));
    await rename(`${paths.record}.tmp`, paths.record);
    await mkdir(paths.layers, { recursive: true });
    await Promise.all([this.#parts.shop.cgroups.create(spec.id, spec.resources), writeEtcFiles(paths, spec)]);
    if (this.#pause !== undefined) await this.#pause.start(signal);
    else await this.#share();
    await writeFile(join(paths.base, 'ready'), '');
  }

  async #share(): Promise<void> {
    pinNamespaces(this.paths, this.spec.hostname);
    await mkdir(this.paths.shm, { recursive: true });
    mount({
      source: 'shm',
      target: this.paths.shm,
      type: 'tmpfs',
      flags: MS_NOSUID | MS_NODEV | MS_NOEXEC,
      data: 'mode=1777,size=65536k',
    });
  }

  /** Reads back which attempts there are. @returns whether the sandbox had been made to its end. */
  async load(): Promise<boolean> {
    const entries = await readdir(this.paths.containers).catch(() => []);
    for (const entry of entries) {
      if (entry.startsWith('.')) continue;
      const spec = await readJson(join(this.paths.containers, entry, 'container.json'));
      // Written by start(); a cut one belongs to an attempt that never ran, and goes with the sandbox.
      if (spec !== undefined) this.#adopt(new Attempt(spec as ContainerSpec, this.#of()));
    }
    return (await readdir(this.paths.base)).includes('ready');
  }

  /** Removes attempts that a crash caught before their process was let go. */
  async settle(signal: AbortSignal): Promise<void> {
    for (const [name, attempt] of [...this.#attempts]) {
      if ((await attempt.caughtBeforeStart(signal)) === true) await this.removeContainer(name, signal);
    }
  }

  #adopt(attempt: Attempt): void {
    const known = this.#attempts.get(attempt.spec.name);
    if (known === undefined || known.spec.attempt < attempt.spec.attempt)
      this.#attempts.set(attempt.spec.name, attempt);
  }

  async start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    const known = this.#attempts.get(spec.name);
    if (known !== undefined && known.spec.attempt >= spec.attempt) {
      const status = await known.status();
      if (known.spec.attempt === spec.attempt && status.state !== 'created') return;
      if (known.spec.attempt > spec.attempt) {
        throw new AmphoraError(
          'Conflict',
          `container ${spec.name} is already at attempt ${known.spec.attempt}`,
        );
      }
    }
    if (known !== undefined) await known.remove(signal);
    const attempt = new Attempt(spec, this.#of());
    this.#attempts.set(spec.name, attempt);
    await attempt.start(signal);
  }

  async stop(names: readonly string[], options: StopOptions, signal: AbortSignal): Promise<void> {
    await Promise.all(names.map((name) => this.#stopOne(name, options, signal)));
  }

  names(): string[] {
    return [...this.#attempts.keys()];
  }

  async #stopOne(name: string, { graceMs }: StopOptions, signal: AbortSignal): Promise<void> {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined || (await attempt.status()).state === 'exited') return;
    const id = attempt.paths.runtimeId;
    if (graceMs > 0) {
      await killContainer(this.runtime, { id, signal: attempt.spec.stopSignal }, signal);
      if (await this.#ends(attempt, graceMs, signal)) return;
    }
    await killContainer(
      this.runtime,
      { id, signal: 'SIGKILL', all: this.runtime.family === 'runc' && this.spec.hostPid },
      signal,
    );
    if (await this.#ends(attempt, KILL_WAIT_MS, signal)) return;
    throw new AmphoraError(
      'Timeout',
      `container ${name} of sandbox ${this.spec.id} did not end after SIGKILL`,
    );
  }

  async #ends(attempt: Attempt, ms: number, signal: AbortSignal): Promise<boolean> {
    const end = this.#parts.shop.clock.now() + ms;
    for (;;) {
      signal.throwIfAborted();
      const left = end - this.#parts.shop.clock.now();
      const wake = new AbortController();
      const changed = this.#parts.changed(this.spec.id, AbortSignal.any([signal, wake.signal]));
      try {
        if ((await attempt.status()).state === 'exited') return true;
        if (left <= 0) return false;
        await Promise.race([changed, this.#parts.shop.clock.sleep(left, wake.signal)]);
      } finally {
        wake.abort();
        await changed.catch(() => {});
      }
    }
  }

  async inspect(): Promise<SandboxStatus> {
    const containers = await Promise.all([...this.#attempts.values()].map((attempt) => attempt.status()));
    const pause = await this.#pause?.status();
    return {
      id: this.spec.id,
      podUid: this.spec.podUid,
      runtimeClass: this.spec.runtimeClass,
      phase: pause?.state === 'exited' ? 'lost' : 'ready',
      containers,
      // gVisor brings its own, which only a program inside can ask.
      ...(this.runtime.family === 'runc' ? { kernel: release() } : {}),
    };
  }

  async removeContainer(name: string, signal: AbortSignal): Promise<void> {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined) return;
    await attempt.remove(signal);
    this.#attempts.delete(name);
  }

  /** Everything, also what earlier attempts and half-made ones left. */
  async remove(signal: AbortSignal): Promise<void> {
    const { shop } = this.#parts;
    await this.#pause?.killKernel();
    for (const entry of await readdir(this.paths.containers).catch(() => [])) {
      const [name, number] = splitLast(entry);
      const spec = { name, attempt: number } as ContainerSpec; // remove() reads nothing but these two
      if (!entry.startsWith('.')) await new Attempt(spec, this.#of()).remove(signal);
    }
    await this.#pause?.remove(signal);
    await killAll(await shop.cgroups.processes(this.spec.id), shop.clock);
    await removeTrees(this.paths.layers);
    await shop.cgroups.remove(this.spec.id);
    await removeTrees(this.paths.containers, this.paths.uts, this.paths.ipc, this.paths.shm);
    // The record goes last: until then a crash leaves something that says what there is to undo.
    await rm(this.paths.base, { recursive: true, force: true });
    this.#attempts.clear();
  }
}

function splitLast(entry: string): [string, number] {
  const dot = entry.lastIndexOf('.');
  return [entry.slice(0, dot), Number(entry.slice(dot + 1))];
}
