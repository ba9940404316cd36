import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import type { ContainerSpec } from '../sandbox-spec.ts';
import type { GuestChannel } from './channel.ts';
import { type LogStream, LogWriter } from './log-writer.ts';
import { TAG } from './numbers.ts';
import type { ContainerRecord } from './record.ts';
import type { Records } from './records.ts';

/** How long an ended process's output may take to arrive before its end is told without it. */
const DRAIN_MS = 5 * SECOND_MS;

/** Hears a container's output as it is written to the log; one that does not keep up holds the log up. */
export type OutputListener = (stream: LogStream, data: Buffer) => Promise<void>;

/** A container attempt as the host follows it: its log, who is attached, and its end. */
export class ContainerFollower {
  readonly record: ContainerRecord;
  readonly listeners = new Set<OutputListener>();
  readonly #log: LogWriter;
  readonly #clock: Clock;
  #drained: Promise<unknown> = Promise.resolve();
  readonly #ended = Promise.withResolvers<void>();
  #told = false;

  private constructor(record: ContainerRecord, log: LogWriter, clock: Clock) {
    this.record = record;
    this.#log = log;
    this.#clock = clock;
  }

  /** Opens the log at its durable end. */
  static async open(record: ContainerRecord, clock: Clock): Promise<ContainerFollower> {
    return new ContainerFollower(record, await LogWriter.open(record.spec.logPath), clock);
  }

  /** Asks the guest for what follows. */
  follow(channel: GuestChannel): void {
    const streams: readonly LogStream[] = this.record.spec.process.terminal
      ? ['stdout']
      : ['stdout', 'stderr'];
    this.#drained = Promise.all(streams.map((stream) => this.#follow(stream, channel)));
  }

  /** Resolves when the end is recorded. */
  /** Whether its end is known but not told yet. */
  get isEnding(): boolean {
    return this.record.ended !== undefined && !this.#told;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  #follow(stream: LogStream, channel: GuestChannel): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    channel.attach(this.record.process * 4 + (stream === 'stdout' ? 1 : 2), {
      offset: this.#log.offset(stream),
      write: async (data) => {
        await this.#log.write(stream, data, new Date(this.#clock.now()));
        for (const listener of this.listeners) await listener(stream, data);
      },
      end: resolve,
    });
    return promise;
  }

  /** Takes the guest's word for the end, once its output is in the log. */
  async end(records: Records): Promise<void> {
    await Promise.race([this.#drained, this.#clock.sleep(DRAIN_MS)]);
    await this.#log.close();
    this.record.startedAt ??= records.number(TAG.started);
    this.record.ended = {
      finishedAt: Math.max(records.number(TAG.finished), this.record.startedAt),
      exitCode: records.number(TAG.exitCode) & 255,
      oomKilled: records.number(TAG.oom) !== 0,
      message: records.text(TAG.message).slice(0, 4096),
    };
  }

  tellEnded(): void {
    this.#told = true;
    this.#ended.resolve();
  }

  /** The VM is gone, and the container with it. */
  async lose(): Promise<void> {
    await this.#log.close();
    this.record.ended ??= {
      finishedAt: this.#clock.now(),
      exitCode: 137,
      oomKilled: false,
      message: 'the microVM ended under its containers',
    };
    this.#told = true;
    this.#ended.resolve();
  }

  async release(): Promise<void> {
    await this.#log.close();
  }
}

export function serialOf(roots: Readonly<Record<string, string>>, spec: ContainerSpec): string {
  const serial = roots[spec.name];
  if (serial === undefined)
    throw new AmphoraError('BadRequest', `container ${spec.name} was not named when its sandbox was made`);
  return serial;
}
