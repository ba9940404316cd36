import assert from 'node:assert/strict';
import { Lane } from './lane.ts';
import { CREATED } from './seeds.ts';
import { startTarget, type Target } from './target.ts';

/** Requests under way at once. */
const LANES = 8;

export interface FuzzOptions {
  /** Each lane does the same for the same seed. */
  readonly seed: number;
  readonly requests: number;
  /** Told now and then how many were answered. */
  readonly progress?: (answered: number) => void;
}

export interface Summary {
  /** How many requests were answered, by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /**
   * What went wrong: an answer of 500 and its like, none in 20 s, an object that an error changed, a rejection nobody
   * handled; with the request that did it. The run ends at the twentieth.
   */
  readonly faults: readonly Error[];
}

const MOST_FAULTS = 20;

/** Requests of every kind, verb and content type, in order and not, at the whole API. */
export async function runFuzz({ seed, requests, progress }: FuzzOptions): Promise<Summary> {
  await using target = await startTarget();
  const faults: Error[] = [];
  const note = (reason: unknown) =>
    void faults.push(new Error('a rejection was not handled', { cause: reason }));
  process.on('unhandledRejection', note);
  try {
    await prepare(target);
    const lanes = Array.from({ length: LANES }, (_, number) => new Lane(target, { seed, number }));
    const answered = () => lanes.reduce((sum, lane) => sum + lane.requests, 0);
    await Promise.all(
      lanes.map(async (lane) => {
        await lane.begin();
        while (lane.requests < requests / LANES && faults.length < MOST_FAULTS) {
          await lane.step().catch((error: Error) => void faults.push(error));
          progress?.(answered());
        }
      }),
    );
    await checkAlive(target);
    return { statuses: summed(lanes), faults };
  } finally {
    process.off('unhandledRejection', note);
  }
}

async function prepare(target: Target): Promise<void> {
  const objects: [string, object][] = [
    ['/api/v1/namespaces', { metadata: { name: 'default' } }],
    ['/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } }],
    [
      '/api/v1/namespaces/default/pods',
      {
        metadata: { name: 'web' },
        spec: { nodeName: 'box', containers: [{ name: 'main', image: 'app:1' }] },
      },
    ],
    ...CREATED,
  ];
  for (const [path, object] of objects) {
    const { status, text } = await target.send(jsonShot(path, object));
    assert.equal(status, 201, text);
  }
}

async function checkAlive(target: Target): Promise<void> {
  const { status, text } = await target.send(
    jsonShot('/api/v1/namespaces/default/configmaps', { metadata: { name: `after-${Date.now()}` } }),
  );
  assert.equal(status, 201, text);
  assert.equal(({} as { a?: unknown }).a, undefined, 'no prototype was changed');
}

function jsonShot(path: string, object: object) {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/json' };
  return { headers, body: Buffer.from(JSON.stringify(object)) };
}

function summed(lanes: readonly Lane[]): Map<number, number> {
  const sum = new Map<number, number>();
  for (const { seen } of lanes)
    for (const [status, count] of seen) sum.set(status, (sum.get(status) ?? 0) + count);
  return sum;
}
