import type { Attributes } from '../../access/authz/authorizer.ts';
import { Counter, Gauge, Histogram, type Metric } from '../../lib/metrics.ts';

/** Upstream's, in seconds. */
const BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const LABELS = ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
const READING = new Set(['get', 'list', 'watch']);

export interface RequestFacts {
  /** Left out for a request that is not of a kind served here. */
  readonly attributes?: Extract<Attributes, { kind: 'resource' }>;
  readonly method: string;
  readonly dryRun: boolean;
  readonly isLong: boolean;
}

/** What upstream's dashboards and alerts read about requests. */
export class RequestMetrics {
  readonly #total = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests by verb, kind and answer.',
    labels: [...LABELS, 'code'],
  });
  readonly #duration = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'How long requests took, but watches and streams.',
    labels: LABELS,
    bounds: BUCKETS,
  });
  #reading = 0;
  #writing = 0;
  #long = 0;

  readonly all: readonly Metric[] = [
    this.#total,
    this.#duration,
    new Gauge(
      {
        name: 'apiserver_current_inflight_requests',
        help: 'Requests being served.',
        labels: ['request_kind'],
      },
      () => [
        [['readOnly'], this.#reading],
        [['mutating'], this.#writing],
      ],
    ),
    new Gauge({ name: 'apiserver_longrunning_requests', help: 'Watches and streams being served.' }, () => [
      [[], this.#long],
    ]),
  ];

  /** Counts a request in; what it returns counts it out, by its answer. */
  enter(facts: RequestFacts): (answer: { readonly code: number; readonly seconds: number }) => void {
    const { attributes, isLong } = facts;
    const verb = verbOf(facts);
    const isReading = READING.has(verb.toLowerCase());
    if (isLong) this.#long += 1;
    else if (isReading) this.#reading += 1;
    else this.#writing += 1;
    return ({ code, seconds }) => {
      if (isLong) this.#long -= 1;
      else if (isReading) this.#reading -= 1;
      else this.#writing -= 1;
      const labels = [
        verb,
        facts.dryRun ? 'All' : '',
        attributes?.group ?? '',
        attributes?.version ?? '',
        attributes?.resource ?? '',
        attributes?.subresource ?? '',
        scopeOf(attributes),
        'apiserver',
      ];
      this.#total.add([...labels, String(code)]);
      if (!isLong) this.#duration.observe(labels, seconds);
    };
  }
}

function verbOf({ attributes, method }: RequestFacts): string {
  const verb = attributes?.verb ?? method;
  return verb === 'create' ? 'POST' : verb === 'update' ? 'PUT' : verb.toUpperCase();
}

function scopeOf(attributes: RequestFacts['attributes']): string {
  if (attributes === undefined) return '';
  if (attributes.name !== '') return 'resource';
  return attributes.namespace === '' ? 'cluster' : 'namespace';
}
