import { type Context, NAMESPACE, OBJECT_BYTES } from './context.ts';

export const LISTED = 10_000;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const WATCHERS = 1000;
const UPSTREAM_LIST_MS = 960;
const UPSTREAM_DELETE_MS = 13_400;
const MERGE = 'application/merge-patch+json';

/** Lists, watches and deletes of 10,000 objects. */
export async function measureCollections(context: Context): Promise<void> {
  if (!['list', 'mixed', 'fan-out', 'delete'].some((id) => context.isWanted(id))) return;
  context.options.note(`filling in ${LISTED} pods`);
  const first = context.take(LISTED);
  await context.load({
    method: 'POST',
    path: PODS,
    body: pod('bench-{n}'),
    clients: 32,
    requests: LISTED,
    first,
  });
  await lists(context);
  await fanOut(context, first);
  await mixed(context, first);
  await deletion(context);
}

async function lists(context: Context): Promise<void> {
  if (!context.isWanted('list')) return;
  context.options.note('lists');
  for (const [id, query, what] of [
    ['list', '', `consistent list of ${LISTED} pods of ${OBJECT_BYTES} bytes, to the last byte`],
    ['list.cached', '?resourceVersion=0', 'the same from what the server holds (resourceVersion=0)'],
  ] as const) {
    const [times, speeds]: [number[], number[]] = [[], []];
    for (let round = 0; round < 5; round += 1) {
      const answer = await context.load({
        method: 'GET',
        path: `${PODS}${query}`,
        clients: 1,
        requests: 1,
        first: 0,
      });
      const ms = answer.latencies[0] ?? Number.NaN;
      times.push(ms);
      speeds.push(answer.bytes / ms / 1000);
    }
    const bounds = id === 'list' ? [{ atMost: UPSTREAM_LIST_MS / 8 }] : [];
    context.add({ id, what, unit: 'ms', samples: times.slice(1), bounds });
    context.add({
      id: `${id}.speed`,
      what: '  bytes',
      unit: 'MB/s',
      samples: speeds.slice(1),
      bounds: [{ atLeast: 300 }],
    });
  }
  const path = `/bytes/${LISTED * (OBJECT_BYTES + 300)}`;
  const speeds: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const answer = await context.load({
      to: context.echo,
      method: 'GET',
      path,
      clients: 1,
      requests: 1,
      first: 0,
    });
    speeds.push(answer.bytes / (answer.latencies[0] ?? Number.NaN) / 1000);
  }
  context.add({ id: 'list.echo', what: '  bare TLS, as many bytes', unit: 'MB/s', samples: speeds.slice(1) });
}

/** One write, and all who watch the collection. */
async function fanOut(context: Context, first: number): Promise<void> {
  if (!context.isWanted('fan-out')) return;
  context.options.note(`one write to ${WATCHERS} watchers`);
  const watchers = { type: 'watch', count: WATCHERS, streamsPerConnection: 50 } as const;
  const send = { type: 'fan-out', rounds: 30 } as const;
  const what = `one write to ${WATCHERS} watchers, until the last has it`;
  await context.tell({ ...watchers, to: context.echo, path: '/watch' });
  const floor = await context.tell({
    ...send,
    to: context.echo,
    method: 'POST',
    path: '/all',
    contentType: 'application/json',
    body: pod('{n}'),
  });
  await context.tell({ type: 'unwatch' });
  context.add({
    id: 'fan-out.echo',
    what: `  bare TLS echo to ${WATCHERS} streams`,
    unit: 'ms',
    samples: floor,
  });
  const { resourceVersion } = { resourceVersion: '' };
  await context.tell({
    ...watchers,
    to: context.api,
    path: `${PODS}?watch=1&resourceVersion=${resourceVersion}&fieldSelector=metadata.name%3Dbench-${first}`,
  });
  const ours = await context.tell({
    ...send,
    to: context.api,
    method: 'PATCH',
    path: `${PODS}/bench-${first}`,
    contentType: MERGE,
    body: JSON.stringify({ metadata: { annotations: { now: '{n}' } } }),
  });
  await context.tell({ type: 'unwatch' });
  context.add({
    id: 'fan-out',
    what,
    unit: 'ms',
    samples: ours.slice(5),
    bounds: [{ to: 'fan-out.echo', atMost: 1.5 }],
  });
}

/** Reads and writes while 1,000 watchers, each of one object as a kubelet's are, look on. */
async function mixed(context: Context, first: number): Promise<void> {
  if (!context.isWanted('mixed')) return;
  context.options.note(`reads and writes beside ${WATCHERS} watchers`);
  await context.tell({
    type: 'watch',
    to: context.api,
    count: WATCHERS,
    streamsPerConnection: 50,
    path: `${PODS}?watch=1&fieldSelector=metadata.name%3Dbench-{n}`,
  });
  const common = { clients: 16, requests: 4000, first, modulo: WATCHERS } as const;
  const slowest: Record<'read' | 'write', number[]> = { read: [], write: [] };
  for (let round = 0; round < 4; round += 1) {
    const body = JSON.stringify({ metadata: { annotations: { now: `${Date.now()}-{n}` } } });
    const write = await context.load({
      ...common,
      method: 'PATCH',
      path: `${PODS}/bench-{n}`,
      contentType: MERGE,
      body,
    });
    const read = await context.load({ ...common, method: 'GET', path: `${PODS}/bench-{n}` });
    if (round === 0) continue;
    slowest.write.push(write.latencies.toSorted()[3960] ?? Number.NaN);
    slowest.read.push(read.latencies.toSorted()[3960] ?? Number.NaN);
  }
  await context.tell({ type: 'unwatch' });
  const beside = `16 clients, ${LISTED} objects, ${WATCHERS} watchers: 99 of 100 within`;
  for (const id of ['read', 'write'] as const)
    context.add({
      id: `mixed.${id}`,
      what: `${id}s, ${beside}`,
      unit: 'ms',
      samples: slowest[id],
      bounds: [{ atMost: 10 }],
    });
}

async function deletion(context: Context): Promise<void> {
  if (!context.isWanted('delete')) return;
  context.options.note(`delete of ${LISTED} pods as a collection`);
  const answer = await context.load({ method: 'DELETE', path: PODS, clients: 1, requests: 1, first: 0 });
  const samples = [...answer.latencies];
  const what = `delete of ${LISTED} pods as a collection`;
  context.add({ id: 'delete', what, unit: 'ms', samples, bounds: [{ atMost: UPSTREAM_DELETE_MS / 10 }] });
}

/** A pod that no scheduler takes, so that only what is measured writes. */
export function pod(name: string): string {
  const spec = {
    schedulerName: 'nobody',
    containers: [{ name: 'main', image: 'registry.example/app:1', resources: { requests: { cpu: '10m' } } }],
  };
  const annotations = { text: 'x'.repeat(OBJECT_BYTES - 1100) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'bench' }, annotations },
    spec,
  });
}
