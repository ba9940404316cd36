import { CONFIG_MAPS, type Context, configMap, OBJECT_BYTES } from './context.ts';

const KEPT = 1000;
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
/** What kube-apiserver with etcd does on this kind of machine, requests a second, by clients. */
const UPSTREAM = {
  create: { 1: 300, 16: 1300, 64: 1900 },
  get: { 16: 3500, 64: 4800 },
  patch: 1200,
  apply: 1000,
};

/** One request after the other, by some clients at once: creates, gets, patches, applies. */
export async function measureRequests(context: Context): Promise<void> {
  await creates(context);
  const first = await keep(context);
  await gets(context, first);
  await patches(context, first);
}

async function creates(context: Context): Promise<void> {
  const body = configMap('bench-{n}');
  const ours = { method: 'POST', path: CONFIG_MAPS, body };
  const floor = { method: 'POST', path: '/', body };
  const counts = { 1: 600, 16: 4000, 64: 6000 };
  for (const clients of [1, 16, 64] as const) {
    const id = `create.${clients}`;
    const bounds = [
      ...(clients === 64 ? [{ to: `${id}.echo`, atLeast: 0.3 }] : []),
      { atLeast: 3 * UPSTREAM.create[clients] },
    ];
    const what = `durable creates, ${OBJECT_BYTES} bytes, ${people(clients)}`;
    await context.rate({ id, what, bounds }, { clients, requests: counts[clients], ours, floor });
  }
}

/** Objects that the other requests are about. @returns the first one's number */
async function keep(context: Context): Promise<number> {
  const first = context.take(KEPT);
  const body = configMap('bench-{n}');
  await context.load({ method: 'POST', path: CONFIG_MAPS, body, clients: 16, requests: KEPT, first });
  return first;
}

async function gets(context: Context, first: number): Promise<void> {
  const ours = { method: 'GET', path: `${CONFIG_MAPS}/bench-{n}`, modulo: KEPT };
  const floor = { method: 'GET', path: `/bytes/${OBJECT_BYTES + 200}` };
  for (const clients of [16, 64] as const) {
    const id = `get.${clients}`;
    const bounds = [
      ...(clients === 64 ? [{ to: `${id}.echo`, atLeast: 0.5 }] : []),
      { atLeast: 2 * UPSTREAM.get[clients] },
    ];
    const what = `gets, ${people(clients)}`;
    await context.rate({ id, what, bounds }, { clients, requests: 8000, ours, floor, first });
  }
}

async function patches(context: Context, first: number): Promise<void> {
  const path = `${CONFIG_MAPS}/bench-{n}`;
  const clients = 16;
  let round = 0;
  for (const [id, contentType, upstream] of [
    ['patch', MERGE, UPSTREAM.patch],
    ['apply', APPLY, UPSTREAM.apply],
  ] as const) {
    round += 1;
    const data = { number: `${round}-${Date.now()}-{n}` };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bench-{n}' } };
    const [query, body] =
      id === 'apply'
        ? ['?fieldManager=bench&force=true', JSON.stringify({ ...object, data })]
        : ['', JSON.stringify({ data })];
    const ours = { method: 'PATCH', path: `${path}${query}`, contentType, body };
    const what = `${id === 'apply' ? 'server-side applies' : 'merge patches'}, ${people(clients)}`;
    const bounds = [{ atLeast: 3 * upstream }];
    // Each round writes what the last did not, so that no request changes nothing.
    await changing(context, { id, what, bounds, ours, clients, first });
  }
}

async function changing(
  context: Context,
  step: {
    readonly id: string;
    readonly what: string;
    readonly bounds: readonly { atLeast: number }[];
    readonly ours: { method: string; path: string; contentType: string; body: string };
    readonly clients: number;
    readonly first: number;
  },
): Promise<void> {
  const { id, what, bounds, ours, clients, first } = step;
  if (!context.isWanted(id)) return;
  context.options.note(what);
  const [rates, slowest]: [number[], number[]] = [[], []];
  const requests = 2 * KEPT;
  for (let round = 0; round <= 3; round += 1) {
    let elapsed = 0;
    for (let pass = 0; pass < 2; pass += 1) {
      const body = ours.body.replace(/-\d{10,}-/, `-${Date.now()}${pass}-`);
      const answer = await context.load({ ...ours, body, clients, requests: KEPT, first });
      elapsed += answer.elapsedMs;
      if (round > 0) slowest.push(answer.latencies.toSorted()[Math.floor(KEPT * 0.99)] ?? Number.NaN);
    }
    if (round > 0) rates.push((requests / elapsed) * 1000);
  }
  context.add({ id, what, unit: '/s', samples: rates, bounds });
  context.add({ id: `${id}.p99`, what: '  99 of 100 within', unit: 'ms', samples: slowest });
}

function people(clients: number): string {
  return clients === 1 ? '1 client' : `${clients} clients`;
}
