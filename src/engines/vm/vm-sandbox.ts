import type { Clock } from '../../lib/clock.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { ContainerStatus, SandboxStatus } from '../engine.ts';
import type { ContainerSpec } from '../sandbox-spec.ts';
import { dialUnix, GuestChannel } from './channel.ts';
import { ContainerFollower, serialOf } from './containers.ts';
import { planDevices } from './devices.ts';
import { syncFiles } from './files-sync.ts';
import { processesNaming } from './host-processes.ts';
import { configureMessage, startMessage } from './messages.ts';
import { TAG } from './numbers.ts';
import { type ContainerRecord, type SandboxPaths, type SandboxRecord, saveRecord } from './record.ts';
import { type Records, RecordWriter } from './records.ts';

const EXIT_AFTER_FAILED_START_MS = 10 * SECOND_MS;

export interface SandboxContext {
  readonly paths: SandboxPaths;
  readonly clock: Clock;
  readonly log: Logger;
  /** Sixteen bytes that name this process to guests. */
  readonly instance: Buffer;
  readonly changed: (sandboxId: string) => void;
}

/** Someone who waits for the end of a process that is no container's first. */
export type ExitListener = (records: Records) => void;

/** One running VM, connected. */
export class VmSandbox {
  readonly record: SandboxRecord;
  readonly context: SandboxContext;
  readonly exits = new Map<number, ExitListener>();
  readonly #followers = new Map<string, ContainerFollower>();
  readonly #files = new Map<string, ReadonlySet<string>>();
  #channel: GuestChannel | undefined;
  #saving: Promise<void> = Promise.resolve();
  #released = false;

  constructor(record: SandboxRecord, context: SandboxContext) {
    this.record = record;
    this.context = context;
  }

  get id(): string {
    return this.record.spec.id;
  }

  /** @throws Unavailable when the VM is lost. */
  get channel(): GuestChannel {
    if (this.#channel === undefined)
      throw new AmphoraError('Unavailable', `the microVM of sandbox ${this.id} is gone`);
    return this.#channel;
  }

  follower(container: string): ContainerFollower | undefined {
    return this.#followers.get(container);
  }

  /** Connects, waits for the guest, and follows what runs in it. */
  async connect(signal: AbortSignal): Promise<void> {
    const socket = await dialUnix(this.context.paths.channel, signal);
    const early: Array<[number, Records]> = [];
    let ready = false;
    const channel = new GuestChannel(socket, {
      onExit: (process, records) => (ready ? this.#onExit(process, records) : early.push([process, records])),
      onClose: (error) => void this.#onClose(error),
    });
    try {
      const { kernel } = await channel.hello(this.context.instance, signal);
      this.record.kernel = kernel;
      this.#channel = channel;
      await this.#adopt(channel, signal);
    } catch (error) {
      channel.close();
      throw error;
    }
    ready = true;
    for (const [process, records] of early) this.#onExit(process, records);
  }

  /** Follows what the record says was started, and forgets what the guest was never told of. */
  async #adopt(channel: GuestChannel, signal: AbortSignal): Promise<void> {
    const open = Object.entries(this.record.containers).filter(
      ([, container]) => container.ended === undefined,
    );
    if (open.length === 0) return;
    const list = await channel.request('list', new RecordWriter(), signal);
    const known = new Set(list.all(TAG.process).map((one) => Number(one.readBigUInt64LE(6))));
    for (const [name, container] of open) {
      if (!known.has(container.process)) {
        delete this.record.containers[name];
        continue;
      }
      const follower = await ContainerFollower.open(container, this.context.clock);
      this.#followers.set(name, follower);
      container.startedAt ??= this.context.clock.now();
      if (container.spec.process.stdin) channel.openInward(container.process * 4);
      follower.follow(channel);
    }
    await this.save();
  }

  /** Gives the guest its network, disks and volumes. */
  async configure(signal: AbortSignal): Promise<void> {
    const { spec } = this.record;
    const devices = planDevices(spec, this.context.paths.scratchDisk);
    await this.channel.request('configure', configureMessage(spec, devices.names), signal);
    await this.refreshFiles(signal);
  }

  /** Copies what changed in `files` volumes into the guest. */
  async refreshFiles(signal: AbortSignal): Promise<void> {
    for (const [name, volume] of Object.entries(this.record.spec.volumes)) {
      if (volume.kind !== 'files') continue;
      const known = this.#files.get(name) ?? new Set<string>();
      this.#files.set(name, await syncFiles(this.channel, { name, path: volume.path, known }, signal));
    }
  }

  /** @throws ProcessFailed when the guest could not start it. */
  async start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    const before = this.record.containers[spec.name];
    if (before !== undefined && before.spec.attempt >= spec.attempt) return;
    const devices = planDevices(this.record.spec, this.context.paths.scratchDisk);
    const serial = serialOf(devices.names.roots, spec);
    if (before !== undefined) await this.removeContainer(spec.name, signal);
    const container: ContainerRecord = { spec, process: this.record.nextProcess++ };
    const message = startMessage(spec, {
      process: container.process,
      serial,
      sharePid: this.record.spec.sharePidNamespace,
    });
    this.record.containers[spec.name] = container;
    await this.save();
    const { channel } = this;
    const follower = await ContainerFollower.open(container, this.context.clock);
    this.#followers.set(spec.name, follower);
    const started = channel.request('start', message, signal);
    follower.follow(channel);
    if (spec.process.stdin) channel.openInward(container.process * 4);
    try {
      container.startedAt = (await started).number(TAG.started) || this.context.clock.now();
    } catch (error) {
      await this.#startFailed(follower, error);
    }
    this.context.changed(this.id);
  }

  async #startFailed(follower: ContainerFollower, error: unknown): Promise<never> {
    const { spec } = follower.record;
    if (isCode(error, 'ProcessFailed')) {
      await Promise.race([follower.ended, this.context.clock.sleep(EXIT_AFTER_FAILED_START_MS)]);
    }
    if (follower.record.ended === undefined) {
      await follower.release();
      this.#followers.delete(spec.name);
      delete this.record.containers[spec.name];
      await this.save();
    }
    throw AmphoraError.during(`starting container ${spec.name} in sandbox ${this.id}`, error);
  }

  async signal(container: string, number: number, signal: AbortSignal): Promise<void> {
    const record = this.record.containers[container];
    if (record === undefined || record.ended !== undefined) return;
    const message = new RecordWriter().number(TAG.process, record.process).number(TAG.signal, number);
    await this.channel.request('signal', message, signal).catch((error: unknown) => {
      if (!isCode(error, 'ProcessFailed')) throw error; // It ended meanwhile.
    });
  }

  /** Forgets an ended attempt, here and in the guest. */
  async removeContainer(name: string, signal: AbortSignal): Promise<void> {
    const record = this.record.containers[name];
    if (record === undefined) return;
    this.#followers.delete(name);
    if (this.#channel !== undefined)
      await this.#channel.request('remove', new RecordWriter().number(TAG.process, record.process), signal);
    delete this.record.containers[name];
    await this.save();
  }

  #onExit(process: number, records: Records): void {
    const sequence = records.number(TAG.sequence);
    const listener = this.exits.get(process);
    if (listener !== undefined) {
      listener(records);
      return;
    }
    const follower = this.#followers.values().find((one) => one.record.process === process);
    const ended = Object.values(this.record.containers).find((one) => one.process === process)?.ended;
    if (follower === undefined || ended !== undefined) {
      if (ended !== undefined) this.#channel?.acknowledgeExit(sequence);
      return;
    }
    follower
      .end(records)
      .then(() => this.save())
      .then(() => {
        this.#channel?.acknowledgeExit(sequence);
        follower.tellEnded();
        this.context.changed(this.id);
      })
      .catch((error: unknown) => this.context.log.error({ sandbox: this.id, error }, 'exit not recorded'));
  }

  async #onClose(error: AmphoraError): Promise<void> {
    if (this.#released || this.#channel === undefined) return;
    this.#channel = undefined;
    const { paths, log } = this.context;
    const alive = isCode(error, 'Corrupt') ? [] : await processesNaming([paths.run]).catch(() => []);
    log.warn({ sandbox: this.id, reason: error.message, alive: alive.length }, 'microVM lost');
    await this.lose();
  }

  /** Records that the VM died; its containers have ended. */
  async lose(): Promise<void> {
    this.#channel = undefined;
    this.record.phase = 'lost';
    for (const container of Object.values(this.record.containers)) {
      container.ended ??= {
        finishedAt: this.context.clock.now(),
        exitCode: 137,
        oomKilled: false,
        message: 'the microVM ended under its containers',
      };
    }
    for (const follower of this.#followers.values()) await follower.lose();
    await this.save().catch(() => {}); // Its directory may be gone: then somebody removed the sandbox.
    this.context.changed(this.id);
  }

  /** Lets go of the VM, which goes on. */
  async release(): Promise<void> {
    this.#released = true;
    this.#channel?.close();
    await this.#saving.catch(() => {});
    for (const follower of this.#followers.values()) await follower.release();
  }

  save(): Promise<void> {
    const saved = this.#saving.catch(() => {}).then(() => saveRecord(this.context.paths, this.record));
    this.#saving = saved;
    return saved;
  }

  /** An end is told once it is on the disk: a process that comes after this one says the same. */
  status(): SandboxStatus {
    const untold = [...this.#followers].filter(([, follower]) => follower.isEnding).map(([name]) => name);
    if (untold.length === 0) return statusOf(this.record);
    const containers = Object.entries(this.record.containers).map(([name, container]) => {
      const { ended, ...open } = container;
      return [name, ended !== undefined && untold.includes(name) ? open : container];
    });
    return statusOf({ ...this.record, containers: Object.fromEntries(containers) });
  }
}

export function statusOf(record: SandboxRecord): SandboxStatus {
  return {
    id: record.spec.id,
    podUid: record.spec.podUid,
    runtimeClass: record.spec.runtimeClass,
    phase: record.phase === 'lost' ? 'lost' : 'ready',
    containers: Object.values(record.containers).map(containerStatus),
    ...(record.kernel === undefined ? {} : { kernel: record.kernel }),
  };
}

function containerStatus({ spec, startedAt, ended }: ContainerRecord): ContainerStatus {
  return {
    name: spec.name,
    attempt: spec.attempt,
    state: ended !== undefined ? 'exited' : startedAt === undefined ? 'created' : 'running',
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(ended === undefined ? {} : { ...ended }),
  };
}
