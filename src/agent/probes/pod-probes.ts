import type { Container, Pod } from '../../api/types.generated.ts';
import type { Engine } from '../../engines/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import { allContainers } from '../plan.ts';
import { type ContainerRecord, type PodRecord, sandboxIdOf } from '../pod/record.ts';
import { currentContainer } from '../pod/restart.ts';
import type { ProbeState } from '../pod/state.ts';
import { type ProbeKind, runProber } from './prober.ts';

export interface PodProbesOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onChange: (container: string, kind: ProbeKind, ok: boolean) => void;
  readonly onFailure: (container: string, kind: ProbeKind, message: string) => void;
}

interface Entry {
  readonly attempt: number;
  readonly controller: AbortController;
  readonly kinds: Set<ProbeKind>;
  state: ProbeState;
}

/** The probers of one pod: they follow what runs. */
export class PodProbes {
  readonly #options: PodProbesOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: PodProbesOptions) {
    this.#options = options;
  }

  /** By container name, for those that run and have a probe. */
  states(): ReadonlyMap<string, ProbeState> {
    return new Map([...this.#entries].map(([name, entry]) => [name, entry.state]));
  }

  /** Starts and ends probers so that every running attempt has its own. */
  sync(pod: Pod | undefined, record: PodRecord): void {
    const containers =
      pod === undefined || pod.metadata?.deletionTimestamp !== undefined ? [] : allContainers(pod);
    const running = new Map<string, { container: Container; current: ContainerRecord }>();
    for (const container of containers) {
      const current = currentContainer(record, container.name);
      if (current?.phase === 'running' && hasProbe(container))
        running.set(container.name, { container, current });
    }
    for (const [name, entry] of this.#entries) {
      if (running.get(name)?.current.attempt === entry.attempt) continue;
      entry.controller.abort();
      this.#entries.delete(name);
    }
    for (const { container, current } of running.values()) this.#follow(pod, container, { record, current });
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.controller.abort();
    this.#entries.clear();
  }

  #follow(
    pod: Pod | undefined,
    container: Container,
    facts: { record: PodRecord; current: ContainerRecord },
  ): void {
    const entry = this.#entries.get(container.name) ?? this.#open(pod, container, facts.current);
    const { current } = facts;
    const kinds: ProbeKind[] = current.started ? ['liveness', 'readiness'] : ['startup'];
    for (const kind of kinds) {
      const probe = container[`${kind}Probe`];
      if (probe === undefined || entry.kinds.has(kind)) continue;
      entry.kinds.add(kind);
      const signal = AbortSignal.any([entry.controller.signal, this.#options.signal]);
      void runProber({
        kind,
        probe,
        container,
        engine: this.#options.engine,
        clock: this.#options.clock,
        target: { sandboxId: sandboxIdOf(facts.record), container: container.name },
        podIps: facts.record.addresses,
        startedAt: current.startedAt ?? this.#options.clock.now(),
        onVerdict: (ok) => {
          entry.state = verdict(entry.state, kind, ok);
          this.#options.onChange(container.name, kind, ok);
        },
        onFailure: (message) => this.#options.onFailure(container.name, kind, message),
        signal,
      }).catch(() => {}); // It rejects only when its signal aborts.
    }
  }

  #open(pod: Pod | undefined, container: Container, current: ContainerRecord): Entry {
    const before = pod?.status?.containerStatuses?.find(({ name }) => name === container.name);
    // An agent that comes back goes on from what was last known, so that Ready does not flap.
    const wasReady = before?.ready === true && before.restartCount === current.attempt;
    const entry: Entry = {
      attempt: current.attempt,
      controller: new AbortController(),
      kinds: new Set(),
      state: {
        startup: container.startupProbe === undefined || current.started ? 'none' : 'pending',
        liveness: 'ok',
        ready: container.readinessProbe === undefined || wasReady,
      },
    };
    this.#entries.set(container.name, entry);
    return entry;
  }
}

function hasProbe(container: Container): boolean {
  return [container.startupProbe, container.livenessProbe, container.readinessProbe].some(
    (probe) => probe !== undefined,
  );
}

function verdict(state: ProbeState, kind: ProbeKind, ok: boolean): ProbeState {
  if (kind === 'startup') return { ...state, startup: ok ? 'passed' : 'failed' };
  if (kind === 'liveness') return { ...state, liveness: ok ? 'ok' : 'failed' };
  return { ...state, ready: ok };
}
