import { createServer } from 'node:net';
import { promisify } from 'node:util';
import type { Client } from '../../src/client/client.ts';
import type { NodeActions } from '../../src/client/node-actions.ts';
import { MINUTE_MS } from '../../src/lib/limits.ts';
import { projectFile } from '../../src/lib/program-files.ts';
import { run } from '../../src/lib/run.ts';
import { createConnection } from '../../src/main/connection.ts';
import { prepareGuest } from '../../src/main/guest.ts';
import { type Layout, layoutOf } from '../../src/main/instance.ts';
import { importSampleImage } from '../../src/main/sample-image.ts';

const NAME = 'bbench';

/** An Amphora of the benchmark's own, started as a user starts it. */
export interface Instance {
  readonly layout: Layout;
  /** Name of the image that every class runs. */
  readonly image: string;
  /** Why there is no guest kernel; empty when there is one. */
  readonly noGuest: string;
  connect(): Promise<Client & NodeActions>;
  /** `amphora` with these words, for this instance. */
  amphora(words: readonly string[]): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

export async function startInstance(podCidr: string, signal: AbortSignal): Promise<Instance> {
  const layout = layoutOf(NAME);
  const connect = () => createConnection(layout.kubeconfig);
  const amphora = async (words: readonly string[]) => {
    await run(projectFile('amphora'), ['--instance', NAME, ...words], { timeoutMs: 2 * MINUTE_MS });
  };
  const store = process.env.AMPHORA_BENCH_STORE ?? 'lmdb';
  const up = async () => {
    const port = String(await freePort());
    await amphora(['up', '--port', port, '--pod-cidr', podCidr, '--store', store]);
  };
  const close = () => amphora(['down', '--purge']);
  await close();
  let noGuest = '';
  try {
    await prepareGuest(layout, signal).catch((error: unknown) => {
      noGuest = error instanceof Error ? error.message : String(error);
    });
    await up();
    const image = await importSampleImage(layout, connect, signal);
    return { layout, image, noGuest, connect, amphora, up, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A TCP port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await promisify(server.close.bind(server))();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
