import type { Attributes } from '../../access/authz/authorizer.ts';
import { type Buckets, Counter, Gauge, Histogram, type Metric } from '../../lib/metrics.ts';

/** Upstream's, in seconds. */
const BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const LABELS = ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
const READING = new Set(['GET', 'HEAD', 'LIST', 'WATCH']);
/** A method can be any word: those that are none of these make no series of their own. */
const OTHER = 'OTHER';
const VERBS: Readonly<Record<string, string>> = {
  get: 'GET',
  head: 'HEAD',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  post: 'POST',
  update: 'PUT',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};

/** What requests of one sort are counted in: by their answer, and by how long they took. */
interface Known {
  readonly labels: readonly string[];
  /** Of streams there is none. */
  duration: Buckets | undefined;
  readonly byCode: Map<number, { count: number }>;
}

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
  /** Of kinds served here and the verbs above: there are only so many. */
  readonly #known = new Map<string, Known>();
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
    const { isLong } = facts;
    const verb = verbOf(facts);
    const isReading = READING.has(verb);
    if (isLong) this.#long += 1;
    else if (isReading) this.#reading += 1;
    else this.#writing += 1;
    return ({ code, seconds }) => {
      if (isLong) this.#long -= 1;
      else if (isReading) this.#reading -= 1;
      else this.#writing -= 1;
      const known = this.#knownOf(verb, facts);
      let total = known.byCode.get(code);
      if (total === undefined) {
        total = this.#total.of([...known.labels, String(code)]);
        known.byCode.set(code, total);
      }
      total.count += 1;
      if (isLong) return;
      known.duration ??= this.#duration.of(known.labels);
      this.#duration.observeIn(known.duration, seconds);
    };
  }

  #knownOf(verb: string, { attributes, dryRun }: RequestFacts): Known {
    const { group = '', version = '', resource = '', subresource = '' } = attributes ?? {};
    const scope = scopeOf(attributes);
    const key = `${verb} ${dryRun} ${group} ${version} ${resource} ${subresource} ${scope}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const labels = [verb, dryRun ? 'All' : '', group, version, resource, subresource, scope, 'apiserver'];
    const made: Known = { labels, duration: undefined, byCode: new Map() };
    this.#known.set(key, made);
    return made;
  }
}

function verbOf({ attributes, method }: RequestFacts): string {
  const verb = attributes?.verb ?? method.toLowerCase();
  return Object.hasOwn(VERBS, verb) ? (VERBS[verb] ?? OTHER) : OTHER;
}

function scopeOf(attributes: RequestFacts['attributes']): string {
  if (attributes === undefined) return '';
  if (attributes.name !== '') return 'resource';
  return attributes.namespace === '' ? 'cluster' : 'namespace';
}
