import { join } from 'node:path';
import type { Pod } from '../api/types.generated.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import type { Engine } from '../engines/engine.ts';
import type { ClassFingerprint } from '../engines/sandbox-spec.ts';
import { LIMITS } from '../lib/limits.ts';
import { EventRecorder } from './events.ts';
import { keepLogsSmall } from './log-rotation.ts';
import { NodeKeeper } from './node/node-keeper.ts';
import { type AgentOptions, identityOf } from './options.ts';
import { removeOrphans } from './orphans.ts';
import { adopt } from './pod/observe.ts';
import { newRecord, type PodRecord, podUidOf } from './pod/record.ts';
import { RecordStore } from './pod/record-store.ts';
import { PodWorker } from './pod/worker.ts';
import type { LocatedContainer, StreamContext } from './streams/stream-context.ts';

export interface Agent {
  /** Recovers what runs, then keeps the node's pods as the API wants them, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** What the tunnel's handlers need. */
  readonly streams: StreamContext;
}

export function createAgent(options: AgentOptions): Agent {
  return new NodeAgent(options);
}

interface Fingerprint extends ClassFingerprint {
  readonly engine: Engine;
}

class NodeAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #store: RecordStore;
  readonly #workers = new Map<string, PodWorker>();
  #classes: readonly Fingerprint[] = [];
  readonly streams: StreamContext;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#store = new RecordStore(options.directories.state);
    this.streams = {
      find: (pod, container) => this.#locate(pod, container),
      sandboxes: () =>
        [...this.#workers.values()].map((worker) => ({
          record: worker.record,
          engine: this.#engineOf(worker.record),
        })),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { client, clock, log, nodeName, engines, directories } = this.#options;
    const directory = join(directories.state, 'events');
    const events = new EventRecorder({ client, clock, log, nodeName, directory, signal });
    await events.resume();
    await Promise.all(engines.map((engine) => engine.recover(signal)));
    this.#classes = await this.#fingerprint(signal);
    const pods = createInformer<Pod>(
      client,
      { apiVersion: 'v1', resource: 'pods' },
      { clock, log, fieldSelector: `spec.nodeName=${nodeName}` },
    );
    const records = await this.#loadRecords(signal);
    const keeper = new NodeKeeper(this.#options, this.#classes);
    const work = [
      keeper.run(signal),
      pods.run(signal),
      ...engines.map((engine) => this.#followEngine(engine, signal)),
      keepLogsSmall(this.#options, { store: this.#store, pods: this.streams.sandboxes }, signal),
    ];
    try {
      await pods.whenSynced(signal);
      for (const record of records.values()) this.#open(record, { events, signal });
      const look = (key?: string) => this.#match(pods, { events, signal }, key);
      pods.onChange(look);
      look();
      await this.#removeOrphans(pods, signal);
      await Promise.all(work);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await Promise.allSettled([...this.#workers.values()].map((worker) => worker.close()));
      await Promise.allSettled(work);
    }
  }

  /** A pod that is over and has no worker keeps its logs for as long as the API keeps it. */
  async #removeOrphans(pods: Informer<Pod>, signal: AbortSignal): Promise<void> {
    const isKnown = (uid: string) =>
      this.#workers.has(uid) || pods.list().some((pod) => identityOf(pod).uid === uid);
    await removeOrphans(this.#options, { store: this.#store, isKnown }, signal).catch((error: unknown) => {
      if (!signal.aborted)
        this.#options.log.warn({ err: error }, 'what gone pods left could not all be removed');
    });
  }

  async #fingerprint(signal: AbortSignal): Promise<Fingerprint[]> {
    const perEngine = await Promise.all(
      this.#options.engines.map(async (engine) =>
        (await engine.fingerprint(signal)).map((one): Fingerprint => ({ ...one, engine })),
      ),
    );
    return perEngine.flat();
  }

  /** Records of this agent, and of what an engine has that no record tells of. */
  async #loadRecords(signal: AbortSignal): Promise<Map<string, PodRecord>> {
    const records = new Map((await this.#store.loadAll()).map((record) => [record.uid, record]));
    for (const engine of this.#options.engines) {
      for (const sandbox of await engine.list(signal)) {
        const uid = sandbox.podUid || podUidOf(sandbox.id);
        if (records.has(uid)) continue;
        const blank = newRecord(
          { uid, namespace: '', name: '' },
          { engine: engine.name, runtimeClass: sandbox.runtimeClass, now: this.#options.clock.now() },
        );
        records.set(uid, adopt(blank, sandbox));
      }
    }
    return records;
  }

  /** Tells each worker of its pod, and makes workers for pods that are new; without a key, for all. */
  #match(pods: Informer<Pod>, context: { events: EventRecorder; signal: AbortSignal }, key?: string): void {
    const listed = key === undefined ? pods.list() : [pods.get(key)].filter((pod) => pod !== undefined);
    const present = new Set(listed.map((pod) => identityOf(pod).uid));
    for (const pod of listed) {
      const { uid } = identityOf(pod);
      const done = isOver(pod) && !this.#workers.has(uid) && pod.metadata?.deletionTimestamp === undefined;
      if (!done) (this.#workers.get(uid) ?? this.#open(this.#recordFor(pod), context)).setPod(pod);
    }
    for (const [uid, worker] of this.#workers) {
      const { namespace, name } = worker.record;
      const concerned = key === undefined || key === `${namespace}/${name}`;
      if (concerned && !present.has(uid)) worker.setPod(undefined);
    }
  }

  #recordFor(pod: Pod): PodRecord {
    const runtimeClass = pod.spec?.runtimeClassName ?? this.#options.defaultRuntimeClass;
    const fingerprint = this.#classOf(runtimeClass);
    void this.#options.sources.services(AbortSignal.timeout(LIMITS.requestMs)).catch(() => []); // Warms what the start reads.
    return newRecord(identityOf(pod), {
      engine: fingerprint?.engine.name ?? this.#options.engines[0]?.name ?? '',
      runtimeClass,
      now: this.#options.clock.now(),
    });
  }

  #classOf(runtimeClass: string): Fingerprint | undefined {
    const all = this.#classes.filter((one) => one.runtimeClass === runtimeClass);
    return all.find(({ available }) => available) ?? all[0];
  }

  #open(record: PodRecord, context: { events: EventRecorder; signal: AbortSignal }): PodWorker {
    const fingerprint = this.#classOf(record.runtimeClass);
    const worker = new PodWorker({
      options: this.#options,
      engine: this.#engineOf(record),
      store: this.#store,
      events: context.events,
      record,
      unsupported: fingerprint?.unsupported ?? [],
      unavailable:
        fingerprint === undefined ? 'no engine offers it' : fingerprint.available ? '' : fingerprint.reason,
      signal: context.signal,
      onForgotten: () => {
        this.#workers.delete(record.uid);
        void worker.close();
      },
    });
    this.#workers.set(record.uid, worker);
    return worker;
  }

  #engineOf(record: PodRecord): Engine {
    const { engines } = this.#options;
    const engine = engines.find(({ name }) => name === record.engine) ?? engines[0];
    if (engine === undefined) throw new TypeError('an agent needs at least one engine');
    return engine;
  }

  async #followEngine(engine: Engine, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const sandboxId of engine.events(signal)) this.#workers.get(podUidOf(sandboxId))?.wake();
      } catch (error) {
        if (!signal.aborted)
          log.warn({ err: error, engine: engine.name }, 'engine events ended; following again');
      }
      await clock.sleep(LIMITS.stepBackoffMs, signal).catch(() => {});
      for (const worker of this.#workers.values()) worker.wake();
    }
  }

  #locate(
    pod: { readonly namespace: string; readonly pod: string; readonly uid?: string },
    container: string,
  ): LocatedContainer | undefined {
    for (const { record } of this.#workers.values()) {
      const named = record.namespace === pod.namespace && record.name === pod.pod;
      if (named && (pod.uid === undefined || pod.uid === '' || pod.uid === record.uid)) {
        const attempt = record.containers[container]?.attempt;
        return {
          record,
          engine: this.#engineOf(record),
          ...(attempt === undefined ? {} : { attempt }),
          logPath: (number) => this.#store.logPath(record, container, number),
        };
      }
    }
    return undefined;
  }
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
