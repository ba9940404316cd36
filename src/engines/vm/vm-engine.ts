import { randomBytes } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type {
  Capabilities,
  Engine,
  ProcessIo,
  SandboxStats,
  SandboxStatus,
  StopOptions,
  Target,
} from '../engine.ts';
import type { ClassFingerprint, ContainerSpec, SandboxSpec } from '../sandbox-spec.ts';
import { chooseAccelerator } from './accelerator.ts';
import { attachToContainer } from './attach.ts';
import { planDevices, UNSUPPORTED } from './devices.ts';
import { HostCgroup } from './host-cgroup.ts';
import { ensureInitramfs } from './initramfs.ts';
import type { GuestKernel } from './kernel.ts';
import { GUEST_OVERHEAD_BYTES, type MachineOptions, removeMachine, startMachine } from './machine.ts';
import { signalNumber } from './messages.ts';
import { TAG } from './numbers.ts';
import { measureTsc, qemuVersion } from './qemu.ts';
import { listSandboxIds, loadRecord, SandboxPaths, type SandboxRecord, saveRecord } from './record.ts';
import { RecordWriter } from './records.ts';
import { dialGuest, execInGuest } from './sessions.ts';
import { statusOf, VmSandbox } from './vm-sandbox.ts';
import { Wakeups } from './wakeups.ts';

/** How long a guest may take to say hello. */
const BOOT_MS = 60 * SECOND_MS;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

export interface VmEngineOptions {
  /** Survives a reboot: records, scratch disks, the initramfs. Mode 0700, ours alone. */
  readonly stateDirectory: string;
  /** Does not: sockets and pid files. A short path: a unix socket's has at most 107 bytes. */
  readonly runDirectory: string;
  /** From `ensureGuestKernel`. */
  readonly kernel: GuestKernel;
  /** The built `guest/` program. */
  readonly guestBinary: string;
  /** Whom QEMU runs as; nobody else should. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly clock: Clock;
  readonly log: Logger;
}

export function createVmEngine(options: VmEngineOptions): Engine {
  return new VmEngine(options);
}

class VmEngine implements Engine {
  readonly name = 'vm';
  readonly capabilities: Capabilities;
  readonly #options: VmEngineOptions;
  readonly #instance = randomBytes(16);
  readonly #sandboxes = new Map<string, VmSandbox>();
  readonly #wakeups = new Wakeups();
  #machine: Promise<MachineOptions> | undefined;
  #watcher: FSWatcher | undefined;

  constructor(options: VmEngineOptions) {
    this.#options = options;
    this.capabilities = {
      exec: async (target, spec, io, signal) =>
        await execInGuest(
          await this.#get(target.sandboxId, signal),
          { container: target.container, spec, io },
          signal,
        ),
      attach: (target, io, signal) => this.#attach(target, io, signal),
      dial: async (id, port, signal) => await dialGuest(await this.#get(id, signal), port, signal),
      stats: (id, signal) => this.#stats(id, signal),
      refresh: async (id, signal) => await (await this.#get(id, signal)).refreshFiles(signal),
    };
  }

  async fingerprint(signal: AbortSignal): Promise<readonly ClassFingerprint[]> {
    const facts = { runtimeClass: 'microvm', unsupported: UNSUPPORTED, overheadBytes: GUEST_OVERHEAD_BYTES };
    try {
      const { accelerator } = await this.#prepared(signal);
      const version = `qemu ${await qemuVersion(signal)} (${accelerator})`;
      return [{ ...facts, available: true, version, reason: '' }];
    } catch (error) {
      return [{ ...facts, available: false, version: '', reason: AmphoraError.from(error).message }];
    }
  }

  /** What all microVMs have in common; found once. */
  #prepared(signal: AbortSignal): Promise<MachineOptions> {
    this.#machine ??= this.#prepare(signal).catch((error: unknown) => {
      this.#machine = undefined;
      throw error;
    });
    return this.#machine;
  }

  async #prepare(signal: AbortSignal): Promise<MachineOptions> {
    const { stateDirectory, runDirectory, kernel, guestBinary, user } = this.#options;
    await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
    await mkdir(runDirectory, { recursive: true, mode: 0o700 });
    const directory = join(stateDirectory, 'initramfs');
    const initramfs = await ensureInitramfs({ kernel, guestBinary, directory }, signal);
    const key = `qemu ${await qemuVersion(signal)}, ${kernel.version}`;
    const common = { kernelImage: kernel.image, initramfs, user };
    const accelerator = await chooseAccelerator(
      { ...common, stateDirectory, runDirectory, key, instance: this.#instance },
      signal,
    );
    return {
      ...common,
      accelerator,
      templates: stateDirectory,
      tscKhz: await measureTsc(guestBinary, signal),
    };
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<void> {
    const existing = await this.#record(spec.id);
    if (existing !== undefined && existing.phase !== 'making') return;
    const paths = this.#paths(spec.id);
    const devices = planDevices(spec, paths.scratchDisk);
    const machine = await this.#prepared(signal);
    if (existing !== undefined) await removeMachine(spec, paths);
    const record: SandboxRecord = { format: 1, spec, phase: 'making', nextProcess: 1, containers: {} };
    await paths.make();
    await saveRecord(paths, record);
    try {
      await startMachine(spec, { paths, devices, options: machine }, signal);
      const sandbox = this.#sandbox(record);
      await sandbox.connect(AbortSignal.any([signal, AbortSignal.timeout(BOOT_MS)]));
      await sandbox.configure(signal);
      record.phase = 'ready';
      await sandbox.save();
      this.#sandboxes.set(spec.id, sandbox);
    } catch (error) {
      await removeMachine(spec, paths);
      await paths.remove();
      throw AmphoraError.during(`making microVM ${spec.id}`, error);
    }
    this.#wakeups.tell(spec.id);
  }

  async start(sandboxId: string, spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    await (await this.#get(sandboxId, signal)).start(spec, signal);
  }

  async stop(target: Target, options: StopOptions, signal: AbortSignal): Promise<void> {
    const sandbox = await this.#find(target.sandboxId, signal);
    if (sandbox === undefined) return;
    const names =
      target.container === undefined ? Object.keys(sandbox.record.containers) : [target.container];
    await Promise.all(names.map((name) => this.#stopOne(sandbox, { name, ...options }, signal)));
  }

  async #stopOne(
    sandbox: VmSandbox,
    options: StopOptions & { name: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { name } = options;
    const record = sandbox.record.containers[name];
    const follower = sandbox.follower(name);
    if (record === undefined || record.ended !== undefined || follower === undefined) return;
    const over = new AbortController();
    const grace = AbortSignal.any([signal, over.signal]);
    if (options.graceMs > 0) {
      await sandbox.signal(name, signalNumber(record.spec.stopSignal), signal);
      const asleep = this.#options.clock.sleep(options.graceMs, grace).catch(() => {});
      await Promise.race([follower.ended, asleep]);
      over.abort();
      signal.throwIfAborted();
    }
    if (record.ended !== undefined) return;
    await sandbox.signal(name, 9, signal);
    await Promise.race([follower.ended, rejectOnAbort(signal)]);
  }

  async remove(target: Target, signal: AbortSignal): Promise<void> {
    const { sandboxId, container } = target;
    if (container !== undefined) {
      const sandbox = await this.#find(sandboxId, signal);
      if (sandbox === undefined) return;
      await this.#stopOne(sandbox, { name: container, graceMs: 0 }, signal);
      await sandbox.removeContainer(container, signal);
      return;
    }
    const record = await this.#record(sandboxId);
    await this.#sandboxes.get(sandboxId)?.release();
    this.#sandboxes.delete(sandboxId);
    if (record === undefined) return;
    await removeMachine(record.spec, this.#paths(sandboxId));
    await this.#paths(sandboxId).remove();
    this.#wakeups.tell(sandboxId);
  }

  async inspect(sandboxId: string, _signal: AbortSignal): Promise<SandboxStatus | undefined> {
    const record = await this.#record(sandboxId);
    return record === undefined || record.phase === 'making' ? undefined : statusOf(record);
  }

  async list(signal: AbortSignal): Promise<readonly SandboxStatus[]> {
    const ids = await listSandboxIds(this.#options.stateDirectory);
    const all = await Promise.all(ids.map((id) => this.inspect(id, signal)));
    return all.filter((status) => status !== undefined);
  }

  events(signal: AbortSignal): AsyncIterable<string> {
    return this.#wakeups.listen(signal);
  }

  async recover(signal: AbortSignal): Promise<void> {
    await this.#takeOver();
    const bootId = (await readFile(BOOT_ID_FILE, 'utf8')).trim();
    const ids = await listSandboxIds(this.#options.stateDirectory);
    await Promise.all(ids.map((id) => this.#recoverOne(id, bootId, signal)));
  }

  async #recoverOne(id: string, bootId: string, signal: AbortSignal): Promise<void> {
    if (this.#sandboxes.has(id)) return;
    const paths = this.#paths(id);
    const record = await loadRecord(paths);
    if (record === undefined) {
      await paths.remove(); // Nothing is acquired before the record is written.
      return;
    }
    if (record.phase === 'making' || record.spec.bootId !== bootId) {
      await removeMachine(record.spec, paths);
      await paths.remove();
      return;
    }
    await this.#adopt(record, signal).catch((error: unknown) => {
      this.#options.log.error({ sandbox: id, error }, 'microVM could not be adopted');
    });
  }

  async #adopt(record: SandboxRecord, signal: AbortSignal): Promise<VmSandbox> {
    const sandbox = this.#sandbox(record);
    this.#sandboxes.set(record.spec.id, sandbox);
    if (record.phase === 'lost') return sandbox;
    try {
      await sandbox.connect(AbortSignal.any([signal, AbortSignal.timeout(BOOT_MS)]));
    } catch (error) {
      signal.throwIfAborted();
      if (!isCode(error, 'Unavailable', 'Corrupt', 'Timeout')) throw error;
      await sandbox.lose();
    }
    return sandbox;
  }

  /** A QEMU socket serves one at a time: tells an engine that was here before to let go, and listens for the next. */
  async #takeOver(): Promise<void> {
    const { runDirectory } = this.#options;
    const owner = join(runDirectory, 'owner');
    const name = this.#instance.toString('hex');
    await mkdir(runDirectory, { recursive: true, mode: 0o700 });
    await writeFileAtomic(owner, name);
    this.#watcher ??= watch(runDirectory, { persistent: false }, (_event, file) => {
      if (file !== 'owner') return;
      readFile(owner, 'utf8').then(
        (now) => (now === name ? undefined : this.#letGo()),
        () => {},
      );
    });
  }

  async #letGo(): Promise<void> {
    const held = [...this.#sandboxes.values()];
    this.#sandboxes.clear();
    await Promise.all(held.map((sandbox) => sandbox.release()));
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#watcher = undefined;
    await this.#letGo();
  }

  async #attach(target: Required<Target>, io: ProcessIo, signal: AbortSignal): Promise<void> {
    const sandbox = await this.#get(target.sandboxId, signal);
    await attachToContainer(sandbox, { container: target.container, io }, signal);
  }

  async #stats(id: string, signal: AbortSignal): Promise<SandboxStats> {
    const sandbox = await this.#get(id, signal);
    const inside = await sandbox.channel.request('stats', new RecordWriter(), signal);
    const outside = await new HostCgroup(id).usage();
    return {
      at: this.#options.clock.now(),
      cpuNanoseconds: outside.cpuNanoseconds || inside.number(TAG.cpuNs),
      memoryBytes: outside.memoryBytes,
      workingSetBytes: inside.number(TAG.workingSet),
      pids: inside.number(TAG.pidCount),
    };
  }

  #sandbox(record: SandboxRecord): VmSandbox {
    return new VmSandbox(record, {
      paths: this.#paths(record.spec.id),
      clock: this.#options.clock,
      log: this.#options.log,
      instance: this.#instance,
      changed: (id) => this.#wakeups.tell(id),
    });
  }

  #paths(id: string): SandboxPaths {
    if (!/^[a-z0-9-]{1,63}$/.test(id))
      throw new AmphoraError('BadRequest', `${JSON.stringify(id)} is no sandbox id`);
    return new SandboxPaths(this.#options, id);
  }

  async #record(id: string): Promise<SandboxRecord | undefined> {
    return this.#sandboxes.get(id)?.record ?? (await loadRecord(this.#paths(id)));
  }

  async #find(id: string, signal: AbortSignal): Promise<VmSandbox | undefined> {
    const known = this.#sandboxes.get(id);
    if (known !== undefined) return known;
    const record = await loadRecord(this.#paths(id));
    return record === undefined || record.phase === 'making' ? undefined : await this.#adopt(record, signal);
  }

  async #get(id: string, signal: AbortSignal): Promise<VmSandbox> {
    const sandbox = await this.#find(id, signal);
    if (sandbox === undefined) throw new AmphoraError('NotFound', `there is no sandbox ${id}`);
    return sandbox;
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
