import { chown, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EtcdFlags, UpOptions } from '../cli/platform.ts';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { accessConfig } from './access-config.ts';
import {
  type EtcdConfig,
  etcdFilesOf,
  type InstanceConfig,
  type Layout,
  newInstanceConfig,
  readInstanceConfig,
  saveInstanceConfig,
} from './instance.ts';
import type { SystemUser } from './system-user.ts';

const DEFAULT_PREFIX = '/amphora/';

/**
 * What was asked for now, else what was asked for before, else the defaults; kept for the next time.
 * @throws BadRequest for what does not belong together.
 */
export async function configure(layout: Layout, name: string, options: UpOptions): Promise<InstanceConfig> {
  const { port, host, nodeName, podCidr, store } = options;
  const before = await readInstanceConfig(layout.configFile);
  const given = definedOnly({ port, host, nodeName, podCidr, store });
  const access = accessConfig(before?.access, options);
  const wanted = { ...(before ?? newInstanceConfig(name, given)), ...given, access };
  const config = applyEtcdOptions(wanted, options);
  if (config.store !== 'etcd' && options.etcdServers !== undefined)
    throw new AmphoraError('BadRequest', '--etcd-servers goes with --store etcd');
  await mkdir(layout.config, { recursive: true });
  await saveInstanceConfig(layout.configFile, config);
  return config;
}

/** @throws BadRequest when the store is to be etcd and nobody has said where that is. */
export function applyEtcdOptions(config: InstanceConfig, options: EtcdFlags): InstanceConfig {
  const etcd = etcdConfig(config.etcd, options);
  if (config.store === 'etcd' && etcd === undefined)
    throw new AmphoraError('BadRequest', '--store etcd needs --etcd-servers https://host:2379[,…]');
  return { ...config, ...(etcd === undefined ? {} : { etcd }) };
}

function etcdConfig(before: EtcdConfig | undefined, options: EtcdFlags): EtcdConfig | undefined {
  const servers = options.etcdServers ?? before?.servers;
  if (servers === undefined) return undefined;
  const { etcdCafile: ca, etcdCertfile: cert, etcdKeyfile: key, etcdPrefix: prefix } = options;
  const files = Object.fromEntries(
    Object.entries({ ca, cert, key }).flatMap(([name, path]) =>
      path === undefined ? [] : [[name, resolve(path)]],
    ),
  );
  const config = { prefix: DEFAULT_PREFIX, ...before, ...definedOnly({ prefix }), ...files, servers };
  if ((config.cert === undefined) !== (config.key === undefined))
    throw new AmphoraError('BadRequest', '--etcd-certfile and --etcd-keyfile go together');
  return config;
}

/**
 * Copies of the files that `up` was told of, where the server's user can read them. Secrets stand in files, never on a
 * command line or in the configuration.
 */
export async function placeEtcdFiles(
  layout: Layout,
  config: InstanceConfig,
  user: SystemUser,
): Promise<void> {
  const { etcd } = config;
  if (config.store !== 'etcd' || etcd === undefined) return;
  const directory = join(layout.serverState, 'etcd');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chown(directory, user.uid, user.gid);
  const targets = etcdFilesOf(layout.serverState);
  for (const part of ['ca', 'cert', 'key'] as const) {
    const [source, target] = [etcd[part], targets[part]];
    if (source === undefined) continue;
    const content = await readFile(source).catch((error: unknown) => {
      throw AmphoraError.during(`reading ${source}, named for etcd`, error);
    });
    await writeFileAtomic(target, content, 0o600);
    await chown(target, user.uid, user.gid);
  }
}

/** The members that are not undefined. */
function definedOnly<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const defined = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as { [K in keyof T]?: Exclude<T[K], undefined> }; // Only undefined ones are left out.
}
