/** Runs as the guest's only program: opens the stores, says so, and writes when it is told to until it is killed. */
import { openSync, read, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { openLmdbStore } from '../../../src/store/lmdb.ts';
import type { Change, Store } from '../../../src/store/store.ts';
import { Random } from '../../survival/random.ts';
import {
  hashOf,
  keyOf,
  type Line,
  MODES,
  type Mode,
  makeValue,
  type Order,
  type WrittenCommit,
} from '../protocol.ts';

const SIGNAL = new AbortController().signal;
/** How many objects each writer has at most. */
const NAMES = 12;
const WARMING_COMMITS = 20;

/** Can be opened but once. */
const port = openSync('/dev/vport0p1', 'r+');
try {
  const stores = new Map<Mode, Store>();
  await warmUp();
  for (const mode of MODES) stores.set(mode, await openLmdbStore(`/data/${mode}/store`));
  const careful = stores.get('careful');
  tell({ kind: 'ready', revision: (await careful?.revision(SIGNAL)) ?? 0 });
  const order = await readOrder();
  const store = stores.get(order.mode);
  if (store === undefined) throw new Error(`no store for ${order.mode}`);
  await obey(store, order);
} catch (error) {
  tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

/** The whole line is with the host when this returns. */
function tell(line: Line): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length; ) written += writeSync(port, bytes, written);
}

async function readOrder(): Promise<Order> {
  const buffer = Buffer.alloc(4096);
  let text = '';
  while (!text.includes('\n')) {
    const { bytesRead } = await promisify(read)(port, buffer, 0, buffer.length, null);
    text += buffer.toString('utf8', 0, bytesRead);
  }
  // Our own test wrote it.
  return JSON.parse(text) as Order;
}

/** Node.js has compiled what a commit takes when the guest is saved. */
async function warmUp(): Promise<void> {
  const store = await openLmdbStore('/data/warm/store');
  for (let count = 1; count <= WARMING_COMMITS; count += 1) {
    const bytes = makeValue({ writer: 'warm', sequence: count, of: 1 }, 1000);
    const key = keyOf('warm', String(count % NAMES));
    const { revision } = await store.commit([{ key, bytes }], SIGNAL);
    JSON.stringify({ revision, hash: hashOf(bytes) });
  }
  await store.close();
}

async function obey(store: Store, order: Order): Promise<void> {
  const random = new Random(order.seed);
  let acknowledged = 0;
  const onAcknowledged = async (revision: number, commit: WrittenCommit): Promise<void> => {
    tell({ kind: 'acknowledged', revision, commit });
    acknowledged += 1;
    if (acknowledged !== order.compactAfter) return;
    tell({ kind: 'compacting', revision });
    await store.compact(revision, SIGNAL);
    tell({ kind: 'compacted', revision });
  };
  const writers = Array.from({ length: order.writers }, (_, index) =>
    write(store, { name: `writer-${index}`, random: new Random(random.below(2 ** 31)), onAcknowledged }),
  );
  await Promise.all(writers);
}

interface Writer {
  readonly name: string;
  readonly random: Random;
  readonly onAcknowledged: (revision: number, commit: WrittenCommit) => Promise<void>;
}

/** Writes to keys of its own, one commit after the other. */
async function write(store: Store, { name, random, onAcknowledged }: Writer): Promise<void> {
  const revisions = new Map<string, number>();
  for (let sequence = 1; ; sequence += 1) {
    const changes = plan(name, { sequence, random, revisions });
    const { revision } = await store.commit(changes, SIGNAL);
    for (const { key, bytes } of changes) {
      if (bytes === undefined) revisions.delete(key.name);
      else revisions.set(key.name, revision);
    }
    const told = changes.map(({ key, bytes }) => ({
      name: key.name,
      ...(bytes === undefined ? {} : { hash: hashOf(bytes) }),
    }));
    await onAcknowledged(revision, { writer: name, sequence, changes: told });
  }
}

/** One change or several; deletes only what is there, so that every change leaves an event. */
function plan(
  writer: string,
  options: { sequence: number; random: Random; revisions: ReadonlyMap<string, number> },
): Change[] {
  const { sequence, random, revisions } = options;
  const wanted = random.below(3) === 0 ? 2 + random.below(5) : 1;
  const names = new Set<string>();
  while (names.size < wanted) names.add(`object-${random.below(NAMES)}`);
  return [...names].map((name): Change => {
    const expected = revisions.get(name) ?? 0;
    const key = keyOf(writer, name);
    if (expected > 0 && random.below(4) === 0) return { key, expected };
    // Some are longer than a page, and so lie apart from the tree.
    const length = random.below(random.pick([200, 2000, 2000, 30_000]));
    return { key, expected, bytes: makeValue({ writer, sequence, of: wanted }, length) };
  });
}
