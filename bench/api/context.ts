import type { BenchOptions } from '../main.ts';
import { type Bound, type Measured, quantile, type Result } from '../result.ts';
import type { Child } from './child.ts';
import type { Answers, Command, Endpoint, Load, LoadAnswer } from './load.ts';

/** About the size of a pod. */
export const OBJECT_BYTES = 4096;
export const NAMESPACE = 'bench';
export const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

type Template = Omit<Load, 'type' | 'to' | 'clients' | 'requests' | 'first'>;

/** What the parts of the suite share: whom to ask, who asks, and where results go. */
export class Context {
  readonly results: Result[] = [];
  readonly options: BenchOptions;
  readonly api: Endpoint;
  readonly echo: Endpoint;
  readonly #generator: Child;
  #next = 0;

  constructor(
    options: BenchOptions,
    parts: { readonly api: Endpoint; readonly echo: Endpoint; readonly generator: Child },
  ) {
    this.options = options;
    this.api = parts.api;
    this.echo = parts.echo;
    this.#generator = parts.generator;
  }

  isWanted(id: string): boolean {
    return this.options.only.split(',').some((part) => id.includes(part));
  }

  /** Numbers that no request of this run has used. */
  take(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }

  async tell<Name extends Command['type']>(
    command: Extract<Command, { type: Name }>,
  ): Promise<Answers[Name]> {
    this.options.signal.throwIfAborted();
    return await this.#generator.ask(command);
  }

  async load(load: Omit<Load, 'type' | 'to'> & { readonly to?: Endpoint }): Promise<LoadAnswer> {
    return await this.tell({ type: 'load', to: this.api, ...load });
  }

  /** So many requests a second, and the slowest of a hundred, in rounds that take turns with those of the floor. */
  async rate(
    meta: { readonly id: string; readonly what: string; readonly bounds?: readonly Bound[] },
    work: {
      readonly clients: number;
      readonly requests: number;
      readonly rounds?: number;
      readonly ours: Template;
      /** First number of each round; left out: numbers of its own. */
      readonly first?: number;
      readonly floor?: Template;
    },
  ): Promise<void> {
    if (!this.isWanted(meta.id)) return;
    this.options.note(meta.what);
    const { clients, requests, rounds = 3, ours, floor } = work;
    const [rates, slowest, floorRates]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round <= rounds; round += 1) {
      const warmUp = round === 0;
      const count = warmUp ? Math.ceil(requests / 4) : requests;
      if (floor !== undefined) {
        const answer = await this.load({ ...floor, to: this.echo, clients, requests: count, first: 0 });
        if (!warmUp) floorRates.push((count / answer.elapsedMs) * 1000);
      }
      const first = work.first ?? this.take(count);
      const answer = await this.load({ ...ours, clients, requests: count, first });
      if (warmUp) continue;
      rates.push((count / answer.elapsedMs) * 1000);
      slowest.push(quantile(answer.latencies, 0.99));
    }
    const { id, what, bounds = [] } = meta;
    if (floor !== undefined)
      this.add({
        id: `${id}.echo`,
        what: `  bare TLS echo of the same size`,
        unit: '/s',
        samples: floorRates,
      });
    this.add({ id, what, unit: '/s', samples: rates, bounds });
    this.add({ id: `${id}.p99`, what: '  99 of 100 within', unit: 'ms', samples: slowest });
  }

  add(result: Measured): void {
    this.results.push(result);
  }

  leaveOut(id: string, what: string, unavailable: string): void {
    this.results.push({ id, what, unavailable });
  }
}

export function configMap(name: string, namespace = NAMESPACE): string {
  const data = { text: 'x'.repeat(OBJECT_BYTES - 160) };
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
}
