import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type KeyFiles, keyFilesIn } from '../access/authn/key-files.ts';
import { CONTROLLERS_USER, SCHEDULER_USER } from '../access/authz/components.ts';
import { createInProcessClient } from '../client/in-process-client.ts';
import { type ElectionTimes, runElected } from '../client/leader-election.ts';
import { createInformers } from '../controllers/informers.ts';
import { runControllers } from '../controllers/run.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../lib/limits.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { runScheduler } from '../scheduler/scheduler.ts';
import type { Store } from '../store/store.ts';
import { type AccessConfig, placedFiles } from './access-config.ts';
import { type Api, createApi } from './api.ts';
import { bootstrap } from './bootstrap.ts';
import { bootstrapRoles } from './bootstrap-roles.ts';
import { publishExtensionAuthentication } from './extension-authentication.ts';
import { type InstanceConfig, layoutOf } from './instance.ts';
import { openStore } from './open-store.ts';
import { stopSignal } from './stop-signal.ts';

export interface ServerOptions {
  readonly store: Store;
  /** The authority, certificates and the keys of tokens. */
  readonly keys: KeyFiles;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Files as the server itself reads them. */
  readonly access?: AccessConfig;
  /** How long a server that closes still serves while it says that it is not ready; 0 if left out. */
  readonly shutdownDelayMs?: number;
  /** Other servers share the store: controllers and scheduler run on the one of them that is elected. */
  readonly election?: { readonly identity: string; readonly times?: ElectionTimes };
  /** Where those other servers reach this one: `https://host:port`. */
  readonly url?: string;
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
  const { log } = options;
  const stop = new AbortController();
  const api = await createApi(options);
  const { port } = await api.server.listen(options.port, options.host);
  log.info({ host: options.host, port }, 'API listens');
  const work = runBehindApi(api, { ...options, port, signal: stop.signal });
  return {
    api,
    port,
    ended: work,
    close: async () => {
      // Until the last request has its answer, what they are judged by is followed.
      await api.server.close({ delayMs: options.shutdownDelayMs ?? 0 });
      stop.abort();
      api.nodes.close();
      await api.auditor?.close();
      api.webhooks.close();
      await work.catch(() => {}); // Who waits for `ended` hears of it.
      await options.store.close();
    },
  };
}

interface Behind extends Pick<ServerOptions, 'clock' | 'log' | 'election'> {
  readonly port: number;
  readonly signal: AbortSignal;
}

async function runBehindApi(api: Api, behind: Behind): Promise<void> {
  const { clock, log, port, election, signal } = behind;
  const as = (name: string, groups: readonly string[] = []) =>
    createInProcessClient({
      registry: api.registry,
      authorizer: api.authorizer,
      user: { name, uid: '', groups, extra: {} },
    });
  const following = api.live.follow(signal);
  const client = as(CONTROLLERS_USER);
  const work = async (working: AbortSignal) => {
    const kinds = api.registry.kinds;
    const informers = createInformers(client, { clock, log });
    await Promise.all([
      ...Object.values(informers).map((informer) => informer.run(working)),
      runControllers(
        {
          client,
          informers,
          kinds,
          clock,
          log,
          rootCa: api.pki.caCertificate,
          issue: { legacyToken: (of) => api.tokens.issueLegacy(of), certificate: (of) => api.pki.sign(of) },
        },
        working,
      ),
      runScheduler({ client: as(SCHEDULER_USER), informers, clock, log }, working),
    ]);
  };
  const bootstrapper = as('system:amphora:bootstrap', ['system:masters']);
  try {
    await untilStoreAnswers(behind, async () => {
      await bootstrap(bootstrapper, { port }, signal);
      const cas = { clientCa: api.pki.caCertificate, frontProxyCa: api.frontProxyCa };
      await publishExtensionAuthentication(bootstrapper, cas, signal);
    });
    const elected = { client, clock, log, namespace: 'kube-system', name: 'amphora-controllers' };
    await Promise.all([
      following,
      api.extensions.run(signal),
      // Administrators and the server's own parts need none of them: nothing waits for these.
      untilStoreAnswers(behind, () => bootstrapRoles(bootstrapper, { live: api.live, log, signal })),
      election === undefined ? work(signal) : runElected({ ...elected, ...election }, work, signal),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** A store that is away for a while must not end the server: what was not written is written when it is back. */
async function untilStoreAnswers({ clock, log, signal }: Behind, act: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await act();
      return;
    } catch (error) {
      if (signal.aborted || AmphoraError.from(error).fate !== 'transient') throw error;
      log.warn({ err: AmphoraError.from(error) }, 'the first objects are not there yet: trying again');
      await clock.sleep(LIMITS.informerRetryFirstMs, signal);
    }
  }
}

/** The server process: `run-server CONFIG STATE_DIRECTORY`. Ends at SIGTERM. */
export async function main([configFile = '', stateDirectory = '']: readonly string[]): Promise<void> {
  const log = createLogger('server');
  const config = JSON.parse(await readFile(configFile, 'utf8')) as InstanceConfig; // Written by `up`.
  const store = await openStore(config, stateDirectory, systemClock);
  const server = await startServer({
    store,
    keys: keyFilesIn(join(stateDirectory, 'pki')),
    host: config.host,
    port: config.port,
    clock: systemClock,
    log,
    shutdownDelayMs: (config.shutdownDelaySeconds ?? 0) * SECOND_MS,
    access: placedFiles(config.access ?? {}, {
      serverState: stateDirectory,
      log: layoutOf(config.name).log,
    }),
    ...(config.store === 'etcd' ? oneOfSeveral(config) : {}),
  });
  const stopped = stopSignal();
  await Promise.race([stopped, server.ended]);
  log.info('server stops');
  await server.close();
}

function oneOfSeveral({ host, port }: InstanceConfig): Pick<ServerOptions, 'election' | 'url'> {
  const reached = host === '0.0.0.0' || host === '::' ? hostname() : host;
  const url = `https://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
  return { election: { identity: `${hostname()}_${randomUUID()}` }, url };
}
