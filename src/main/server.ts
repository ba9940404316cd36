import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROLLERS_USER, SCHEDULER_USER } from '../access/authz/components.ts';
import { createInProcessClient } from '../client/in-process-client.ts';
import { runControllers } from '../controllers/run.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { runScheduler } from '../scheduler/scheduler.ts';
import type { Store } from '../store/store.ts';
import { type Api, createApi } from './api.ts';
import { bootstrap } from './bootstrap.ts';
import { bootstrapRoles } from './bootstrap-roles.ts';
import type { InstanceConfig } from './instance.ts';
import { openStore } from './open-store.ts';
import { stopSignal } from './stop-signal.ts';

export interface ServerOptions {
  readonly store: Store;
  readonly pkiDirectory: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RunningServer {
  readonly api: Api;
  readonly port: number;
  /** Rejects when a part of the server fails for good; resolves after {@link RunningServer.close}. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Starts the API, then what works behind it: bootstrap objects, controllers, scheduler. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { clock, log } = options;
  const stop = new AbortController();
  const api = await createApi(options);
  const { port } = await api.server.listen(options.port, options.host);
  log.info({ host: options.host, port }, 'API listens');
  const work = runBehindApi(api, { clock, log, port, signal: stop.signal });
  return {
    api,
    port,
    ended: work,
    close: async () => {
      stop.abort();
      await api.server.close();
      api.nodes.close();
      api.webhooks.close();
      await work.catch(() => {}); // Who waits for `ended` hears of it.
      await options.store.close();
    },
  };
}

interface Behind {
  readonly clock: Clock;
  readonly log: Logger;
  readonly port: number;
  readonly signal: AbortSignal;
}

async function runBehindApi(api: Api, { clock, log, port, signal }: Behind): Promise<void> {
  const as = (name: string, groups: readonly string[] = []) =>
    createInProcessClient({
      registry: api.registry,
      authorizer: api.authorizer,
      user: { name, uid: '', groups, extra: {} },
    });
  const following = api.live.follow(signal);
  try {
    const bootstrapper = as('system:amphora:bootstrap', ['system:masters']);
    await bootstrap(bootstrapper, { port }, signal);
    await bootstrapRoles(bootstrapper, api.live, signal);
    const kinds = api.registry.kinds;
    await Promise.all([
      following,
      runControllers(
        { client: as(CONTROLLERS_USER), kinds, clock, log, rootCa: api.pki.caCertificate },
        signal,
      ),
      runScheduler({ client: as(SCHEDULER_USER), clock, log }, signal),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The server process: `run-server CONFIG STATE_DIRECTORY`. Ends at SIGTERM. */
export async function main([configFile = '', stateDirectory = '']: readonly string[]): Promise<void> {
  const log = createLogger('server');
  const config = JSON.parse(await readFile(configFile, 'utf8')) as InstanceConfig; // Written by `up`.
  const store = await openStore(config, stateDirectory, systemClock);
  const server = await startServer({
    store,
    pkiDirectory: join(stateDirectory, 'pki'),
    host: config.host,
    port: config.port,
    clock: systemClock,
    log,
  });
  const stopped = stopSignal();
  await Promise.race([stopped, server.ended]);
  log.info('server stops');
  await server.close();
}
