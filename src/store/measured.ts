import { type Buckets, Histogram, type Metric } from '../lib/metrics.ts';
import type { Change, Store } from './store.ts';

/** Upstream's, in seconds. */
const BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

/** A store that notes how long it takes, under the name that dashboards know, whatever the driver is. */
export function measured(store: Store): { readonly store: Store; readonly metric: Metric } {
  const metric = new Histogram({
    name: 'etcd_request_duration_seconds',
    help: 'How long the store took.',
    labels: ['operation', 'resource'],
    bounds: BUCKETS,
  });
  const known = new Map<string, Buckets>();
  const bucketsOf = (operation: string, resource: string) => {
    const key = `${operation} ${resource}`;
    const found = known.get(key) ?? metric.of([operation, resource]);
    known.set(key, found);
    return found;
  };
  const timed = <T>(operation: string, resource: string, work: Promise<T>): Promise<T> => {
    const since = performance.now();
    const done = () => metric.observeIn(bucketsOf(operation, resource), (performance.now() - since) / 1000);
    work.then(done, done);
    return work;
  };
  return {
    metric,
    store: {
      revision: (signal) => store.revision(signal),
      get: (key, options) => timed('get', key.resource, store.get(key, options)),
      list: (range, options) => timed('list', range.resource, store.list(range, options)),
      commit: (changes, signal) =>
        timed(operationOf(changes), changes[0]?.key.resource ?? '', store.commit(changes, signal)),
      watch: (range, from, reader) => store.watch(range, from, reader),
      compact: (revision, signal) => store.compact(revision, signal),
      close: () => store.close(),
    },
  };
}

function operationOf([first]: readonly Change[]): string {
  if (first?.bytes === undefined) return 'delete';
  return first.expected === 0 ? 'create' : 'update';
}
