import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import type { AccessConfig } from './access-config.ts';

/** The directory layout's version: what a newer program must convert and an older one must not touch. */
export const STATE_FORMAT = 1;

export const DEFAULT_INSTANCE = 'amphora';
const DEFAULT_PORT = 6443;
const DEFAULT_POD_CIDR = '10.88.0.0/16';
const INSTANCE_NAME = /^[a-z][a-z0-9-]{0,11}$/;

/** What an instance was set up with; kept in its configuration directory, so that every verb knows it. */
export interface InstanceConfig {
  readonly name: string;
  /** TCP port of the API. */
  readonly port: number;
  /** Address the API listens on. */
  readonly host: string;
  readonly nodeName: string;
  readonly podCidr: string;
  readonly store: 'lmdb' | 'memory' | 'etcd';
  readonly etcd?: EtcdConfig;
  readonly access?: AccessConfig;
  /** How long a server that was told to end still serves while it says that it is not ready; 0 if left out. */
  readonly shutdownDelaySeconds?: number;
}

/** Where the state of several servers is, and what proves to it who asks. Paths as they were given. */
export interface EtcdConfig {
  /** `https://10.0.0.1:2379`, … */
  readonly servers: readonly string[];
  /** Before every key. */
  readonly prefix: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Where `up` copies the files of {@link EtcdConfig} to, below the server's state. */
export function etcdFilesOf(serverState: string): {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
} {
  const path = (name: string) => join(serverState, 'etcd', name);
  return { ca: path('ca.crt'), cert: path('client.crt'), key: path('client.key') };
}

/** Where an instance keeps things. Two instances on one machine share nothing. */
export interface Layout {
  /** `/etc/amphora`: configuration and the administrator's kubeconfig. */
  readonly config: string;
  /** `/var/lib/amphora`: what must survive a reboot. */
  readonly state: string;
  /** Owned by the server's user. */
  readonly serverState: string;
  readonly nodeState: string;
  /** The program that both processes run, a directory for each version. */
  readonly program: string;
  /** `/run/amphora`: what must not survive a reboot. */
  readonly run: string;
  readonly log: string;
  readonly kubeconfig: string;
  readonly configFile: string;
  readonly bridge: string;
  /** Name of our cgroup below each controller's mount. */
  readonly cgroup: string;
  /** The unprivileged user the server runs as. */
  readonly user: string;
}

export function layoutOf(instance: string): Layout {
  const config = join('/etc', instance);
  const state = join('/var/lib', instance);
  return {
    config,
    state,
    serverState: join(state, 'server'),
    nodeState: join(state, 'node'),
    program: join(state, 'program'),
    run: join('/run', instance),
    log: join('/var/log', instance),
    kubeconfig: join(config, 'kubeconfig'),
    configFile: join(config, 'config.json'),
    bridge: `${instance.slice(0, 14)}0`,
    cgroup: instance,
    user: instance,
  };
}

/** @throws BadRequest when the name can't be part of a path, a bridge's and a user's name. */
export function checkInstanceName(name: string): string {
  if (INSTANCE_NAME.test(name)) return name;
  throw new AmphoraError(
    'BadRequest',
    `--instance ${JSON.stringify(name)}: use at most 12 lower-case letters, digits and dashes, a letter first`,
  );
}

export function newInstanceConfig(name: string, given: Partial<InstanceConfig>): InstanceConfig {
  return {
    name,
    port: given.port ?? DEFAULT_PORT,
    host: given.host ?? '127.0.0.1',
    nodeName: given.nodeName ?? hostname().toLowerCase(),
    podCidr: given.podCidr ?? DEFAULT_POD_CIDR,
    store: given.store ?? 'lmdb',
  };
}

/** @returns undefined when the instance was never set up. */
export async function readInstanceConfig(file: string): Promise<InstanceConfig | undefined> {
  try {
    // Written by saveInstanceConfig below, in a directory only root can write.
    return JSON.parse(await readFile(file, 'utf8')) as InstanceConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw AmphoraError.during(`reading ${file}`, error);
  }
}

export async function saveInstanceConfig(file: string, config: InstanceConfig): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(config, null, 2)}\n`);
}
