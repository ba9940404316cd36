import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Capabilities, Engine, SandboxStatus, StopOptions, Target } from '../engine.ts';
import type { ClassFingerprint, ContainerSpec, SandboxSpec } from '../sandbox-spec.ts';
import { attachTo, reopenLog } from './attach.ts';
import type { Workshop } from './attempt.ts';
import { readJson } from './attempt.ts';
import { Cgroups } from './cgroups.ts';
import { dialAddress, dialInside } from './dial.ts';
import { execIn } from './exec.ts';
import { type Layout, layout } from './paths.ts';
import { findProgram, openRuntime, type Runtime } from './runtime.ts';
import { Sandbox } from './sandbox.ts';
import { removeTrees } from './teardown.ts';
import { Wakeups } from './wakeups.ts';

export interface OciEngineOptions {
  /** Runtime class → runtime program: `{ container: 'runc', gvisor: 'runsc' }`. */
  readonly runtimes: Readonly<Record<string, 'runc' | 'crun' | 'runsc'>>;
  /** `/var/lib/amphora/node/oci`: writable layers. */
  readonly stateDirectory: string;
  /** `/run/amphora/oci`. */
  readonly runDirectory: string;
  /** The static program that `make -C guest/pause` builds; gVisor sandboxes need it. */
  readonly pauseProgram: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where cgroups are mounted: `/sys/fs/cgroup`. */
  readonly cgroupRoot?: string;
  /** Parent of all sandboxes' cgroups: `/amphora`. */
  readonly cgroupParent?: string;
}

const MIB = 1024 * 1024;
const OVERHEAD_BYTES = { runc: 4 * MIB, runsc: 64 * MIB } as const;
const UNSUPPORTED = ['spec.shareProcessNamespace'];

/**
 * Runs sandboxes as containers (runc, crun) or in gVisor (runsc), each container under a conmon of its own.
 * @throws HostLacks when conmon is missing. A missing runtime is no error: its class is then not available.
 */
export async function createOciEngine(options: OciEngineOptions): Promise<Engine> {
  const conmon = await findProgram('conmon');
  if (conmon === undefined)
    throw new AmphoraError('HostLacks', 'conmon is not installed; install the package conmon');
  const at = layout(options.runDirectory, options.stateDirectory);
  for (const folder of [at.run, at.state, at.exits, at.sockets])
    await mkdir(folder, { recursive: true, mode: 0o711 });
  const cgroups = await Cgroups.probe(
    options.cgroupRoot ?? '/sys/fs/cgroup',
    options.cgroupParent ?? '/amphora',
    options.clock,
  );
  const shop = { layout: at, cgroups, clock: options.clock, conmon, pauseProgram: options.pauseProgram };
  return new OciEngine(options, shop);
}

class OciEngine implements Engine {
  readonly name = 'oci';
  readonly capabilities: Capabilities;
  readonly #options: OciEngineOptions;
  readonly #shop: Workshop;
  readonly #layout: Layout;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #runtimes = new Map<string, Promise<Runtime>>();
  readonly #wakeups: Wakeups;
  readonly #locks = new KeyedLock();

  constructor(options: OciEngineOptions, shop: Workshop) {
    this.#options = options;
    this.#shop = shop;
    this.#layout = shop.layout;
    this.#wakeups = new Wakeups(shop.layout.exits, (id) => this.#owner(id));
    this.capabilities = {
      exec: async (target, spec, io, signal) => {
        const { sandbox, attempt } = await this.#running(target);
        return execIn(attempt, { runtime: sandbox.runtime, spec, io }, signal);
      },
      attach: async (target, io, signal) => attachTo((await this.#running(target)).attempt, io, signal),
      reopenLog: async (target) => reopenLog((await this.#running(target)).attempt),
      dial: async (id, port, signal) => {
        const { spec, runtime } = await this.#known(id);
        if (spec.network.kind === 'host') return dialAddress('127.0.0.1', port, signal);
        const { path, interfaces } = spec.network;
        const [address] = interfaces.flatMap((one) => one.addresses);
        // gVisor keeps a network stack of its own: the namespace's loopback leads nowhere.
        if (runtime.family === 'runsc' && address !== undefined)
          return dialAddress(address.split('/')[0] ?? '', port, signal);
        return dialInside(path, { port, clock: shop.clock }, signal);
      },
      stats: async (id) => {
        await this.#known(id);
        return shop.cgroups.stats(id);
      },
    };
  }

  #owner(runtimeId: string): string | undefined {
    for (const [id, sandbox] of this.#sandboxes) if (sandbox.runtimeIds().includes(runtimeId)) return id;
    return undefined;
  }

  async #runtime(runtimeClass: string, signal: AbortSignal): Promise<Runtime> {
    const name = this.#options.runtimes[runtimeClass];
    if (name === undefined)
      throw new AmphoraError('BadRequest', `engine oci has no runtime class ${runtimeClass}`);
    const known = this.#runtimes.get(runtimeClass);
    if (known !== undefined) return known;
    const opened = openRuntime(name, join(this.#options.runDirectory, name), signal);
    this.#runtimes.set(runtimeClass, opened);
    opened.catch(() => this.#runtimes.delete(runtimeClass));
    return opened;
  }

  async fingerprint(signal: AbortSignal): Promise<readonly ClassFingerprint[]> {
    return Promise.all(Object.keys(this.#options.runtimes).map((name) => this.#probe(name, signal)));
  }

  async #probe(runtimeClass: string, signal: AbortSignal): Promise<ClassFingerprint> {
    try {
      const { family, version } = await this.#runtime(runtimeClass, signal);
      if (family === 'runsc') await access(this.#options.pauseProgram);
      const overheadBytes = OVERHEAD_BYTES[family];
      const unsupported =
        family === 'runsc'
          ? [...UNSUPPORTED, 'spec.hostNetwork', 'spec.hostPID', 'spec.hostIPC']
          : UNSUPPORTED;
      return { runtimeClass, available: true, version, reason: '', unsupported, overheadBytes };
    } catch (error) {
      const reason = AmphoraError.from(error).message;
      return { runtimeClass, available: false, version: '', reason, unsupported: [], overheadBytes: 0 };
    }
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<void> {
    const runtime = await this.#runtime(spec.runtimeClass, signal);
    await this.#locks.hold(spec.id, async () => {
      if (this.#sandboxes.has(spec.id)) return;
      const sandbox = this.#sandbox(spec, runtime);
      this.#sandboxes.set(spec.id, sandbox);
      try {
        await sandbox.create(signal);
      } catch (error) {
        // Own deadline: what was half made is undone also when the caller has given up.
        await sandbox.remove(AbortSignal.timeout(30_000));
        this.#sandboxes.delete(spec.id);
        throw AmphoraError.during(`creating sandbox ${spec.id}`, error);
      }
    });
    this.#wakeups.wake(spec.id);
  }

  #sandbox(spec: SandboxSpec, runtime: Runtime): Sandbox {
    const changed = (id: string, signal: AbortSignal) => this.#wakeups.next(id, signal);
    return new Sandbox(spec, { runtime, shop: this.#shop, changed });
  }

  async #known(id: string): Promise<Sandbox> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined)
      throw new AmphoraError('NotFound', `sandbox ${id} does not exist; create it first`);
    return sandbox;
  }

  async #running({ sandboxId, container }: Required<Target>) {
    const sandbox = await this.#known(sandboxId);
    const attempt = sandbox.attempt(container);
    if (attempt === undefined || (await attempt.status()).state !== 'running') {
      throw new AmphoraError('Conflict', `container ${container} of sandbox ${sandboxId} is not running`);
    }
    return { sandbox, attempt };
  }

  async start(sandboxId: string, spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    const sandbox = await this.#known(sandboxId);
    try {
      await this.#locks.hold(`${sandboxId}/${spec.name}`, () => sandbox.start(spec, signal));
    } finally {
      this.#wakeups.wake(sandboxId);
    }
  }

  async stop(target: Target, options: StopOptions, signal: AbortSignal): Promise<void> {
    const sandbox = this.#sandboxes.get(target.sandboxId);
    if (sandbox === undefined) return;
    const names = target.container === undefined ? sandbox.names() : [target.container];
    await sandbox.stop(names, options, signal);
    this.#wakeups.wake(target.sandboxId);
  }

  async remove({ sandboxId, container }: Target, signal: AbortSignal): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined) return;
    if (container !== undefined) {
      await this.#locks.hold(`${sandboxId}/${container}`, () => sandbox.removeContainer(container, signal));
    } else {
      await this.#locks.hold(sandboxId, () => sandbox.remove(signal));
      this.#sandboxes.delete(sandboxId);
    }
    this.#wakeups.wake(sandboxId);
  }

  async inspect(sandboxId: string): Promise<SandboxStatus | undefined> {
    return this.#sandboxes.get(sandboxId)?.inspect();
  }

  async list(): Promise<readonly SandboxStatus[]> {
    return Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.inspect()));
  }

  events(signal: AbortSignal): AsyncIterable<string> {
    return this.#wakeups.stream(signal);
  }

  async recover(signal: AbortSignal): Promise<void> {
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    for (const id of await readdir(this.#layout.run)) {
      if (!this.#sandboxes.has(id)) await this.#recoverOne(id, bootId, signal);
    }
    for (const id of await readdir(this.#layout.state)) {
      if (!this.#sandboxes.has(id)) await removeTrees(join(this.#layout.state, id));
    }
    const owned = new Set([...this.#sandboxes.values()].flatMap((sandbox) => sandbox.runtimeIds()));
    for (const folder of [this.#layout.exits, this.#layout.sockets]) {
      for (const file of await readdir(folder))
        if (!owned.has(file)) await rm(join(folder, file), { force: true });
    }
  }

  async #recoverOne(id: string, bootId: string, signal: AbortSignal): Promise<void> {
    const base = join(this.#layout.run, id);
    // Written whole by rename, so it is what create() was given; without it nothing had been acquired yet.
    const spec = (await readJson(join(base, 'sandbox.json'))) as SandboxSpec | undefined;
    if (spec === undefined) return removeTrees(base);
    const sandbox = this.#sandbox(spec, await this.#runtime(spec.runtimeClass, signal));
    const whole = await sandbox.load();
    if (whole && spec.bootId === bootId) {
      this.#sandboxes.set(id, sandbox);
      await sandbox.settle(signal);
      this.#options.log.info({ sandbox: id }, 'sandbox adopted');
      return;
    }
    await sandbox.remove(signal);
    this.#options.log.info({ sandbox: id, whole }, 'removed what a crash or a reboot left of a sandbox');
  }

  async close(): Promise<void> {
    this.#wakeups.close();
  }
}
