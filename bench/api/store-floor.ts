/** Commits straight to a store, in a process of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { EtcdConnection } from '../../src/store/etcd/connection.ts';
import { openLmdbStore } from '../../src/store/lmdb.ts';

const ROUNDS = 3;
const WRITES = 3000;

interface Question {
  readonly clients: number;
  readonly bytes: number;
  /** Endpoint; left out: LMDB. */
  readonly etcd?: string;
}

process.on('message', (question: Question) => {
  measure(question).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());

/** @returns writes a second, a round each */
async function measure({ clients, bytes, etcd }: Question): Promise<number[]> {
  const value = Buffer.alloc(bytes, 'x');
  const writes = clients === 1 ? WRITES / 5 : WRITES;
  if (etcd !== undefined) {
    const connection = new EtcdConnection({ endpoints: [etcd] }, systemClock);
    const signal = new AbortController().signal;
    const rates = await rounds({
      clients,
      writes,
      write: async (name) => {
        const put = Buffer.from(`bench/${name}`);
        await connection.txn({ compare: [], success: [{ put, value }], failure: [] }, signal);
      },
    });
    connection.close();
    return rates;
  }
  const directory = await mkdtemp(join(tmpdir(), 'amphora-bench-'));
  const store = await openLmdbStore(directory);
  const signal = new AbortController().signal;
  try {
    return await rounds({
      clients,
      writes,
      write: async (name) => {
        const key = { resource: 'configmaps', namespace: 'bench', name };
        await store.commit([{ key, bytes: value, expected: 0 }], signal);
      },
    });
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
}

async function rounds(work: {
  readonly clients: number;
  readonly writes: number;
  readonly write: (name: string) => Promise<void>;
}): Promise<number[]> {
  const rates: number[] = [];
  let next = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const end = next + work.writes;
    const started = performance.now();
    const client = async () => {
      while (next < end) await work.write(`bench-${next++}`);
    };
    await Promise.all(Array.from({ length: work.clients }, client));
    if (round > 0) rates.push((work.writes / (performance.now() - started)) * 1000);
  }
  return rates;
}
