import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryKeys, type KeyFiles } from '../../access/authn/key-files.ts';
import type { Pki } from '../../access/authn/pki.ts';
import { createHttpClient } from '../../client/http-client.ts';
import { type Connection, formatKubeconfig } from '../../client/kubeconfig.ts';
import { createFakeEngine } from '../../engines/fake/fake-engine.ts';
import { createFakeImages } from '../../images/fake.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import { type Logger, silentLogger } from '../../lib/log.ts';
import { createFakeNetwork } from '../../network/fake.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { createFakeVolumes } from '../../volumes/fake.ts';
import { runNode } from '../node.ts';
import { type RunningServer, startServer } from '../server.ts';
import { openServerKeys } from '../server-keys.ts';
import { type ClusterClient, createClusterClient } from './cluster-client.ts';

export interface ClusterOptions {
  /** Where objects are kept: `memory` if left out, or the files of an earlier cluster. */
  readonly store?: 'memory' | { readonly lmdb: string };
  /** How many nodes on fake engines run pods; 1 if left out. */
  readonly nodes?: number;
  /** What the nodes can run: `container`, `gvisor` and `microvm` if left out. */
  readonly runtimeClasses?: readonly string[];
  /** Time as controllers and nodes see it; the system's if left out. */
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A whole cluster in this process: the real API over TLS, its controllers and scheduler, nodes on fakes. */
export interface Cluster extends AsyncDisposable {
  /** As the administrator. */
  readonly client: ClusterClient;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** The administrator's, as the text of a file. */
  readonly kubeconfig: string;
  /** A client as somebody else; closed with the cluster. */
  as(user: string, groups?: readonly string[]): Promise<ClusterClient>;
  /** Ends everything and removes what was made; the same as disposing of it. */
  close(): Promise<void>;
}

const CLASSES = ['container', 'gvisor', 'microvm'];
const ADMINISTRATOR = { user: 'admin', groups: ['system:masters'] };
const ACCOUNT = { apiVersion: 'v1', resource: 'serviceaccounts', namespace: 'default', name: 'default' };

/** Making keys takes longer than all the rest: the clusters of a process share them, in memory. */
const KEYS: KeyFiles = createMemoryKeys();
const LOCK = new KeyedLock();

/**
 * Starts a cluster of its own on a free port of 127.0.0.1, without root. Resolves when a pod can be created in the
 * namespace `default`; nodes become ready soon after. Nothing is left behind when it is disposed of.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { clock = systemClock, log = silentLogger(), nodes = 1 } = options;
  await using undo = new AsyncDisposableStack();
  const store = await openStore(options.store ?? 'memory');
  const pki = await preparedKeys(nodes);
  const server = await startServer({ store, keys: KEYS, host: '127.0.0.1', port: 0, clock, log });
  undo.defer(() => server.close());
  const url = `https://127.0.0.1:${server.port}`;
  const connect = async (user: string, groups: readonly string[]): Promise<Connected> => {
    const { certificate, key } = await pki.client(fileNameOf(user), { user, groups });
    return { server: url, ca: pki.caCertificate, cert: certificate, key };
  };
  const clientOf = (connection: Connection) => {
    const client = createHttpClient({ ...connection, clock });
    undo.defer(() => client.close());
    return createClusterClient(client, clock);
  };
  if (nodes > 0) undo.use(await startNodes({ ...options, clock, log, nodes }, connect));
  const admin = await connect(ADMINISTRATOR.user, ADMINISTRATOR.groups);
  const client = clientOf(admin);
  await usable(server, client);
  const resources = undo.move();
  const close = () => resources.disposeAsync();
  return {
    client,
    url,
    kubeconfig: formatKubeconfig(admin),
    as: async (user, groups = []) => {
      const { certificate, key } = await pki.issue({ user, groups });
      const other = createHttpClient({ server: url, ca: pki.caCertificate, cert: certificate, key, clock });
      resources.defer(() => other.close());
      return createClusterClient(other, clock);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Connected = Connection & { readonly ca: string; readonly cert: string; readonly key: string };

async function openStore(wanted: NonNullable<ClusterOptions['store']>): Promise<Store> {
  if (wanted === 'memory') return createMemoryStore();
  return await (await import('../../store/lmdb.ts')).openLmdbStore(wanted.lmdb);
}

/** Makes what is missing once, however many clusters start together. */
function preparedKeys(nodes: number): Promise<Pki> {
  return LOCK.hold('keys', async () => {
    const { pki } = await openServerKeys(KEYS);
    await pki.client(fileNameOf(ADMINISTRATOR.user), ADMINISTRATOR);
    for (const name of nodeNames(nodes)) {
      const user = nodeUser(name);
      await pki.client(fileNameOf(user), { user, groups: ['system:nodes'] });
    }
    return pki;
  });
}

function nodeNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `node-${index}`);
}

function nodeUser(name: string): string {
  return `system:node:${name}`;
}

function fileNameOf(user: string): string {
  return encodeURIComponent(user);
}

interface NodesOptions {
  readonly nodes: number;
  readonly runtimeClasses?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

async function startNodes(
  { nodes, runtimeClasses = CLASSES, clock, log }: NodesOptions,
  connect: (user: string, groups: readonly string[]) => Promise<Connected>,
): Promise<AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-'));
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  for (const nodeName of nodeNames(nodes)) {
    const connection = await connect(nodeUser(nodeName), ['system:nodes']);
    const node = runNode(
      {
        connection,
        nodeName,
        stateDirectory: join(directory, nodeName),
        volumes: () => createFakeVolumes(),
        engines: [createFakeEngine({ clock, classes: runtimeClasses })],
        network: createFakeNetwork(),
        images: createFakeImages(),
        clock,
        log,
      },
      stop.signal,
    );
    node.catch((error: unknown) => log.error({ err: error, node: nodeName }, 'a node ended')); // Told again at the end.
    running.push(node);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.allSettled(running);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The namespace `default` has the account that its pods run as. @throws why the server ended, if it does */
async function usable({ ended }: RunningServer, client: ClusterClient): Promise<void> {
  const failed = ended.then(() => Promise.reject(new Error('the server ended while it started')));
  failed.catch(() => {}); // When it ends later, nobody waits here.
  await Promise.race([client.waitFor(ACCOUNT, () => true), failed]);
}
