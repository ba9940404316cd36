import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFilesIn } from '../../src/access/authn/key-files.ts';
import { openPki } from '../../src/access/authn/pki.ts';
import { readKubeconfig } from '../../src/client/kubeconfig.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { BenchOptions } from '../main.ts';
import type { Result } from '../result.ts';
import { Child } from './child.ts';
import { measureCollections } from './collections.ts';
import { Context, NAMESPACE } from './context.ts';
import { measureFloors } from './floors.ts';
import type { Endpoint } from './load.ts';
import { measureRequests } from './requests.ts';
import { ServerProcess } from './server-process.ts';
import { measureSize } from './size.ts';

/** The API server alone, or another that the environment names, under the load of another process. */
export async function runApi(options: BenchOptions): Promise<readonly Result[]> {
  await using generator = new Child('generator.ts');
  await using floor = await startEcho();
  const other = await otherServer();
  if (other !== undefined) {
    const context = new Context(options, { api: other, echo: floor.endpoint, generator });
    await runRequests(context);
    return context.results;
  }
  await using server = await ServerProcess.create(options.signal);
  options.note('starting the server');
  const api = await server.endpoint();
  await server.start(options.signal);
  const context = new Context(options, { api, echo: floor.endpoint, generator });
  await measureSize(context, server, { part: 'empty' });
  await runRequests(context);
  await measureSize(context, server, { part: 'full' });
  await server.stop();
  await measureFloors(context);
  return context.results;
}

async function runRequests(context: Context): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  const once = { clients: 1, requests: 1, first: 0 };
  const path = '/api/v1/namespaces';
  await context.load({ ...once, method: 'POST', path, body: JSON.stringify(namespace) });
  try {
    await measureRequests(context);
    await measureCollections(context);
  } finally {
    await context.load({ ...once, method: 'DELETE', path: `${path}/${NAMESPACE}` });
  }
}

/** `KUBECONFIG` and, where it differs, `KUBE_APISERVER`: a peer, measured by the same generator. */
async function otherServer(): Promise<Endpoint | undefined> {
  const { KUBECONFIG: file, KUBE_APISERVER: server } = process.env;
  if (server === undefined) return undefined;
  if (file === undefined)
    throw new Error('KUBE_APISERVER names a server: KUBECONFIG must say how to be let in');
  return { ...(await readKubeconfig(file)), server };
}

async function startEcho(): Promise<{ readonly endpoint: Endpoint } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-bench-'));
  try {
    const pki = await openPki({ keys: keyFilesIn(directory), clock: systemClock });
    const own = await pki.server();
    const client = await pki.issue({ user: 'bench', groups: [] });
    const child = new Child('echo.ts');
    const port = await child.ask<number>({ cert: own.certificate, key: own.key, ca: pki.caCertificate });
    const { caCertificate: ca } = pki;
    return {
      endpoint: { server: `https://127.0.0.1:${port}`, ca, cert: client.certificate, key: client.key },
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}
