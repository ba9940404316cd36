import type { Pod } from '../../api/types.generated.ts';
import type { Engine, SandboxStatus } from '../../engines/engine.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { EventRecorder } from '../events.ts';
import type { AgentOptions } from '../options.ts';
import { allContainers, deadlineOf, nextFailure, plan } from '../plan.ts';
import { PodProbes } from '../probes/pod-probes.ts';
import { unsupportedFields } from '../spec/unsupported.ts';
import { podStatus } from '../status/pod-status.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { isUrgent } from '../status/urgent.ts';
import { execute } from '../steps/all.ts';
import { type Prepared, type StepContext, StepFailed, tell, updateContainer } from '../steps/context.ts';
import { PodNews } from './news.ts';
import { absorb } from './observe.ts';
import { type PodRecord, sandboxIdOf } from './record.ts';
import type { RecordStore } from './record-store.ts';
import { currentContainer } from './restart.ts';
import { type PodState, type Step, type StepFailure, stepKey } from './state.ts';
import { terminationMessage } from './termination-message.ts';

export interface WorkerOptions {
  readonly options: AgentOptions;
  readonly engine: Engine;
  readonly store: RecordStore;
  readonly events: EventRecorder;
  readonly record: PodRecord;
  /** Parts of a pod its class can't do, or why the class does not run here. */
  readonly unsupported: readonly string[];
  readonly unavailable: string;
  readonly signal: AbortSignal;
  readonly onForgotten: () => void;
}

/** One pod on this node: looks, plans, acts and reports, one reconcile at a time. */
export class PodWorker {
  readonly #given: WorkerOptions;
  readonly #prepared: Prepared = {
    images: new Map(),
    volumes: undefined,
    volumesDueAt: 0,
    volumesGone: false,
    network: undefined,
  };
  readonly #failures = new Map<string, StepFailure>();
  readonly #inFlight = new Map<string, Promise<void>>();
  readonly #probes: PodProbes;
  readonly #status: StatusWriter;
  readonly #news: PodNews;
  #record: PodRecord;
  #pod: Pod | undefined;
  #seen: SandboxStatus | undefined;
  #work = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: AbortController | undefined;
  #saved: Promise<void> = Promise.resolve();
  #forgotten = false;
  #closed = false;

  constructor(given: WorkerOptions) {
    this.#given = given;
    this.#record = given.record;
    const { options, engine, signal } = given;
    this.#status = new StatusWriter({
      client: options.client,
      clock: options.clock,
      log: options.log,
      signal,
      onWritten: () => {},
    });
    this.#news = new PodNews(() => this.#context());
    this.#probes = new PodProbes({
      engine,
      clock: options.clock,
      signal,
      onChange: (container, kind, ok) => void this.#probed(container, kind, ok),
      onFailure: (container, kind, message) => {
        const word = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
        void tell(this.#context(), {
          type: 'Warning',
          reason: 'Unhealthy',
          message: `${word} probe failed: ${message}`,
          container,
        });
      },
    });
  }

  get record(): PodRecord {
    return this.#record;
  }

  /** The pod as the API has it now; undefined when it has none of this UID. */
  setPod(pod: Pod | undefined): void {
    const before = this.#pod;
    this.#pod = pod;
    const ending = pod === undefined || pod.metadata?.deletionTimestamp !== undefined;
    // What is under way for a pod that must now end, or end sooner, is given up and planned anew.
    const changed =
      before?.metadata?.deletionTimestamp !== pod?.metadata?.deletionTimestamp ||
      before?.metadata?.deletionGracePeriodSeconds !== pod?.metadata?.deletionGracePeriodSeconds;
    if (ending && changed && before !== undefined) {
      this.#work.abort();
      this.#work = new AbortController();
      this.#failures.clear();
    }
    this.wake();
  }

  /** Something may have changed. Never more than one reconcile runs, and none is missed. */
  wake(): void {
    if (this.#given.signal.aborted || this.#closed) return;
    this.#again = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.abort();
    this.#probes.close();
    this.#work.abort();
    await Promise.allSettled([this.#running, ...this.#inFlight.values(), this.#saved]);
  }

  async #loop(): Promise<void> {
    while (this.#again && !this.#given.signal.aborted && !this.#closed) {
      this.#again = false;
      try {
        await this.#reconcile();
      } catch (error) {
        this.#given.options.log.error({ err: error, pod: this.#record.name }, 'pod reconcile failed');
        this.#wakeIn(LIMITS.stepBackoffMs);
      }
    }
  }

  async #reconcile(): Promise<void> {
    const { clock } = this.#given.options;
    await this.#observe();
    const now = clock.now();
    this.#judgeDeadline(now);
    const state = this.#state(now);
    const decided = plan(this.#pod, state, now);
    for (const step of decided.steps) this.#launch(step);
    this.#probes.sync(this.#pod, this.#record);
    this.#report(now);
    this.#news.starts();
    this.#wakeIn(Math.min((decided.wakeAt ?? Number.POSITIVE_INFINITY) - now, this.#nextLook(now)));
  }

  async #observe(): Promise<void> {
    const busy = this.#inFlight.has('create-sandbox') || this.#inFlight.has('remove-sandbox');
    if (busy || this.#record.sandbox.phase === 'none') return;
    this.#seen = await this.#given.engine.inspect(sandboxIdOf(this.#record), this.#given.signal);
    if (this.#record.sandbox.phase === 'creating' && this.#seen?.phase === 'ready') {
      // The agent died between making the sandbox and writing so down.
      this.#record = { ...this.#record, sandbox: { ...this.#record.sandbox, phase: 'made' } };
    }
    const before = this.#record;
    const after = absorb(before, this.#seen, this.#given.options.clock.now());
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    await this.#update(() => after);
    for (const [name, container] of Object.entries(after.containers)) {
      if (container.phase === 'exited' && before.containers[name]?.phase !== 'exited')
        await this.#ended(name);
    }
  }

  /** Keeps what the container had to say, and tells when it will have to wait to start again. */
  async #ended(name: string): Promise<void> {
    const exit = this.#record.containers[name]?.termination;
    const container =
      this.#pod === undefined ? undefined : allContainers(this.#pod).find((one) => one.name === name);
    if (exit === undefined || container === undefined) return;
    const { store } = this.#given;
    const message = await terminationMessage(container, {
      exitCode: exit.exitCode,
      file: store.terminationPath(this.#record, name, exit.attempt),
      log: store.logPath(this.#record, name, exit.attempt),
    });
    if (message === '') return;
    await updateContainer(this.#context(), name, (record) => ({
      ...record,
      ...(record.termination === undefined ? {} : { termination: { ...record.termination, message } }),
    }));
  }

  #judgeDeadline(now: number): void {
    const deadline = this.#pod === undefined ? undefined : deadlineOf(this.#pod, { record: this.#record });
    if (deadline === undefined || deadline > now || this.#record.verdict !== undefined || this.#record.ended)
      return;
    const verdict = {
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    };
    this.#record = { ...this.#record, verdict };
    void tell(this.#context(), { type: 'Normal', ...verdict });
  }

  #state(now: number): PodState {
    const record = this.#record;
    const refusal = this.#refusal();
    const ready = this.#seen?.phase === 'ready';
    return {
      record,
      sandbox:
        record.sandbox.phase === 'none'
          ? 'none'
          : record.sandbox.phase === 'made'
            ? ready
              ? 'ready'
              : 'lost'
            : 'none',
      prepared: {
        images: new Set(this.#prepared.images.keys()),
        volumes: this.#prepared.volumes !== undefined && this.#prepared.volumesDueAt > now,
        network: this.#prepared.network !== undefined,
      },
      probes: this.#probes.states(),
      failures: this.#failures,
      inFlight: new Set(this.#inFlight.keys()),
      volumesLeft: !this.#prepared.volumesGone,
      ...(refusal === undefined ? {} : { refusal }),
    };
  }

  #refusal(): { reason: string; message: string } | undefined {
    const { unavailable, unsupported } = this.#given;
    const { runtimeClass } = this.#record;
    if (this.#record.sandbox.phase === 'made' || this.#pod === undefined) return undefined;
    const fields = unavailable === '' ? unsupportedFields(this.#pod, unsupported) : [];
    if (unavailable === '' && fields.length === 0) return undefined;
    const reason = unavailable === '' ? 'UnsupportedByRuntimeClass' : 'RuntimeClassUnavailable';
    const message =
      unavailable === ''
        ? `runtime class ${JSON.stringify(runtimeClass)} does not support ${fields.join(', ')}: leave it out or choose another class`
        : `runtime class ${JSON.stringify(runtimeClass)} does not run on this node: ${unavailable}`;
    return { reason, message };
  }

  #launch(step: Step): void {
    const key = stepKey(step);
    const signal = AbortSignal.any([this.#work.signal, this.#given.signal]);
    const done = execute(step, this.#context(signal))
      .then(
        () => void this.#failures.delete(key),
        (error: unknown) => this.#failed(key, error, signal),
      )
      .finally(() => {
        this.#inFlight.delete(key);
        this.wake();
      });
    this.#inFlight.set(key, done);
  }

  #failed(key: string, error: unknown, signal: AbortSignal): void {
    if (signal.aborted || isCode(error, 'Canceled')) return;
    const { log, clock } = this.#given.options;
    const failed = error instanceof StepFailed ? error : new StepFailed('ContainerCreating', error);
    log.warn(
      { err: error, step: key, pod: this.#record.name, namespace: this.#record.namespace },
      'pod step failed',
    );
    const pulling = key.startsWith('prepare-image/');
    const firstMs = pulling ? LIMITS.crashBackoffMs : LIMITS.stepBackoffMs;
    this.#failures.set(
      key,
      nextFailure(this.#failures.get(key), { ...failed, message: failed.message, firstMs, now: clock.now() }),
    );
  }

  #report(now: number): void {
    const pod = this.#pod;
    if (pod === undefined) return;
    const status = podStatus(pod, this.#state(now), {
      hostAddresses: this.#given.options.nodeAddresses,
      now,
    });
    this.#status.offer(pod, status, isUrgent(status, pod.status));
    const refusal = this.#refusal();
    if (refusal !== undefined && status.reason !== undefined) this.#news.refusal(refusal);
    this.#news.waits(pod);
  }

  async #probed(name: string, kind: string, ok: boolean): Promise<void> {
    if (kind === 'startup' && ok)
      await updateContainer(this.#context(), name, (record) => ({ ...record, started: true }));
    this.wake();
  }

  #nextLook(now: number): number {
    const running = Object.keys(this.#record.containers).some(
      (name) => currentContainer(this.#record, name)?.phase === 'running',
    );
    const due =
      this.#prepared.volumesDueAt > now && running ? this.#prepared.volumesDueAt - now : LIMITS.podResyncMs;
    // ErrImagePull becomes ImagePullBackOff after a moment.
    const pulling = [...this.#failures.values()].some((failure) => now - failure.at < LIMITS.stepBackoffMs);
    return pulling ? LIMITS.stepBackoffMs : due;
  }

  #wakeIn(ms: number): void {
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    const wait = Math.min(Math.max(ms, 1), LIMITS.podResyncMs);
    this.#given.options.clock.sleep(wait, timer.signal).then(
      () => this.wake(),
      () => {},
    );
  }

  #context(signal: AbortSignal = this.#given.signal): StepContext {
    const { options, engine, store, events } = this.#given;
    return {
      options,
      engine,
      store,
      events,
      signal,
      status: this.#status,
      prepared: this.#prepared,
      pod: () => this.#pod,
      record: () => this.#record,
      update: (change) => this.#update(change),
      forget: () => this.#forget(),
    };
  }

  /** What is told of the pod from now on is not written down any more: it would bring the record back. */
  async #forget(): Promise<void> {
    this.#forgotten = true;
    await this.#saved.catch(() => {});
    await this.#given.store.remove(this.#record);
    this.#given.onForgotten();
  }

  /** In memory at once; on the disk in order. */
  #update(change: (record: PodRecord) => PodRecord): Promise<void> {
    this.#record = change(this.#record);
    if (this.#forgotten) return this.#saved;
    const record = this.#record;
    const saved = this.#saved.catch(() => {}).then(() => this.#given.store.save(record));
    this.#saved = saved;
    return saved;
  }
}
