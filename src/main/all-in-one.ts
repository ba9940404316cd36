import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import { type Connection, formatKubeconfig } from '../client/kubeconfig.ts';
import { createFakeEngine } from '../engines/fake/fake-engine.ts';
import { createFakeImages } from '../images/fake.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { type Logger, silentLogger } from '../lib/log.ts';
import { createFakeNetwork } from '../network/fake.ts';
import type { Store } from '../store/store.ts';
import { createFakeVolumes } from '../volumes/fake.ts';
import { runNode } from './node.ts';
import { startServer } from './server.ts';

export interface AllInOneOptions {
  readonly store: Store;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A whole platform in this process. */
export interface AllInOne extends AsyncDisposable {
  /** As the administrator. */
  readonly client: Client;
  readonly kubeconfig: string;
  readonly port: number;
}

const CLASSES = ['container', 'gvisor', 'microvm'];
const NODE_NAME = 'fake';

/**
 * Server and node in one process, on the fake engine, network, images and volumes: the real API on a free port of
 * 127.0.0.1, without root, and nothing left behind when it is disposed of.
 */
export async function startAllInOne(options: AllInOneOptions): Promise<AllInOne> {
  const { clock = systemClock, log = silentLogger() } = options;
  const directory = await mkdtemp(join(tmpdir(), 'amphora-'));
  const server = await startServer({
    store: options.store,
    pkiDirectory: join(directory, 'pki'),
    host: '127.0.0.1',
    port: 0,
    clock,
    log,
  });
  const connect = async (user: string, groups: string[]) => {
    const { certificate, key } = await server.api.pki.issue({ user, groups });
    const url = `https://127.0.0.1:${server.port}`;
    return { server: url, ca: server.api.pki.caCertificate, cert: certificate, key } satisfies Connection;
  };
  const stop = new AbortController();
  const node = runNode(
    {
      connection: await connect(`system:node:${NODE_NAME}`, ['system:nodes']),
      nodeName: NODE_NAME,
      stateDirectory: join(directory, 'node'),
      volumes: () => createFakeVolumes(),
      engines: [createFakeEngine({ clock, classes: CLASSES })],
      network: createFakeNetwork(),
      images: createFakeImages(),
      clock,
      log,
    },
    stop.signal,
  );
  const admin = await connect('admin', ['system:masters']);
  const client = createHttpClient({ ...admin, clock });
  return {
    client,
    kubeconfig: formatKubeconfig(admin),
    port: server.port,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      stop.abort();
      await node;
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
