import { pod } from './collections.ts';
import { type Context, configMap } from './context.ts';
import type { ServerProcess } from './server-process.ts';

const OBJECTS = 10_000;
const NODES = 5000;
const PODS = 150_000;
/** kube-apiserver's resident memory with 10,000 objects, and etcd's beside it. */
const UPSTREAM_MIB = 920 + 250;

/** Memory, and the time from start to ready: empty, with 10,000 objects, with a large cluster's. */
export async function measureSize(
  context: Context,
  server: ServerProcess,
  { part }: { readonly part: 'empty' | 'full' },
): Promise<void> {
  const wanted = (id: string) => context.isWanted(`memory.${id}`) || context.isWanted(`ready.${id}`);
  if (part === 'empty') {
    if (!wanted('empty')) return;
    await both(context, server, { id: 'empty', what: 'empty', bounds: {} });
    return;
  }
  if (!wanted('objects') && !wanted('large')) return;
  await fill(context, 'ten', { count: OBJECTS, resource: 'configmaps', body: configMap('big-{n}', 'ten') });
  await both(context, server, {
    id: 'objects',
    what: `with ${OBJECTS} objects of 4 KiB`,
    bounds: { memory: UPSTREAM_MIB / 4 },
  });
  if (!wanted('large')) return;
  await fill(context, '', { count: NODES, resource: 'nodes', body: node('bench-{n}') });
  await fill(context, 'large', { count: PODS, resource: 'pods', body: pod('bench-{n}') });
  await both(context, server, {
    id: 'large',
    what: `with ${NODES} nodes and ${PODS} pods`,
    bounds: { memory: 2.5 * 1024, ready: 15_000 },
  });
}

async function both(
  context: Context,
  server: ServerProcess,
  step: { readonly id: string; readonly what: string; readonly bounds: { memory?: number; ready?: number } },
): Promise<void> {
  const { id, what, bounds } = step;
  const atMost = (value: number | undefined) => (value === undefined ? [] : [{ atMost: value }]);
  const running = await server.residentMiB();
  await server.stop();
  const ready = await server.start(context.options.signal);
  await new Promise((resolve) => setTimeout(resolve, 5000)); // Caches fill after the first answer.
  const memory = await server.residentMiB();
  context.add({
    id: `ready.${id}`,
    what: `start to ready, ${what}`,
    unit: 'ms',
    samples: [ready],
    bounds: atMost(bounds.ready),
  });
  context.add({
    id: `memory.${id}`,
    what: `resident memory, ${what}, before and after a restart`,
    unit: 'MiB',
    samples: [running, memory],
    bounds: atMost(bounds.memory),
  });
}

async function fill(
  context: Context,
  namespace: string,
  { count, resource, body }: { readonly count: number; readonly resource: string; readonly body: string },
): Promise<void> {
  context.options.note(`filling in ${count} ${resource}`);
  const once = { clients: 1, requests: 1, first: 0 };
  if (namespace !== '') {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await context.load({ ...once, method: 'POST', path: '/api/v1/namespaces', body: JSON.stringify(object) });
  }
  const path = namespace === '' ? `/api/v1/${resource}` : `/api/v1/namespaces/${namespace}/${resource}`;
  await context.load({ clients: 32, requests: count, first: 0, method: 'POST', path, body });
}

function node(name: string): string {
  const annotations = { text: 'x'.repeat(2000) };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, annotations } });
}
