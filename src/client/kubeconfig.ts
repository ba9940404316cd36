import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';

/** What a client needs to talk to one server. */
export interface Connection {
  readonly server: string;
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

interface Fields {
  readonly [name: string]: unknown;
}

/**
 * The connection of the current (or the named) context. Files that it names are read relative to its folder.
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 * @throws NotFound, BadRequest with the part that is missing.
 */
export async function readKubeconfig(path: string, contextName?: string): Promise<Connection> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new AmphoraError('NotFound', `kubeconfig ${path} cannot be read: is the platform set up?`, {
      cause: error,
    });
  });
  const config = (await parseConfig(text)) as Fields | null; // Each part is looked at before it is used.
  if (config === null || typeof config !== 'object')
    throw new AmphoraError('BadRequest', `${path} is no kubeconfig`);
  const wanted = contextName ?? String(config['current-context'] ?? '');
  const context = named(config.contexts, { name: wanted, part: 'context', path });
  const cluster = named(config.clusters, { name: String(context.cluster), part: 'cluster', path });
  const user = named(config.users, { name: String(context.user), part: 'user', path });
  if (typeof cluster.server !== 'string')
    throw new AmphoraError('BadRequest', `${path}: the cluster has no server`);
  const ca = await material(cluster, 'certificate-authority', path);
  const cert = await material(user, 'client-certificate', path);
  const key = await material(user, 'client-key', path);
  const token = typeof user.token === 'string' ? user.token : undefined;
  return {
    server: cluster.server,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
  };
}

/** Writes a kubeconfig with one cluster, one user and one context, all of one name, that only its owner can read. */
export async function writeKubeconfig(path: string, connection: Connection, name = 'amphora'): Promise<void> {
  await writeFileAtomic(path, formatKubeconfig(connection, name), 0o600);
}

/** As JSON, which is YAML too, so that reading it back takes no parser of YAML. */
export function formatKubeconfig(connection: Connection, name = 'amphora'): string {
  const { server, ca, cert, key, token } = connection;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server, ...(ca === undefined ? {} : { 'certificate-authority-data': base64(ca) }) },
      },
    ],
    users: [
      {
        name,
        user: {
          ...(cert === undefined ? {} : { 'client-certificate-data': base64(cert) }),
          ...(key === undefined ? {} : { 'client-key-data': base64(key) }),
          ...(token === undefined ? {} : { token }),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

async function parseConfig(text: string): Promise<unknown> {
  if (text.startsWith('{')) return JSON.parse(text);
  return (await import('../lib/yaml.ts')).yaml.parse(text);
}

/** The entry called `name` of a list of `{name, [part]: {…}}`. */
function named(list: unknown, wanted: { name: string; part: string; path: string }): Fields {
  const { name, part, path } = wanted;
  const entries = Array.isArray(list) ? (list as Fields[]) : [];
  const found = entries.find((entry) => entry?.name === name)?.[part];
  if (typeof found !== 'object' || found === null)
    throw new AmphoraError('BadRequest', `${path}: there is no ${part} named ${JSON.stringify(name)}`);
  return found as Fields;
}

/** PEM from `<field>-data` (base64) or the file that `<field>` names. */
async function material(from: Fields, field: string, path: string): Promise<string | undefined> {
  const data = from[`${field}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const file = from[field];
  if (typeof file !== 'string' || file === '') return undefined;
  return await readFile(resolve(dirname(path), file), 'utf8').catch((error: unknown) => {
    throw AmphoraError.during(`reading ${field} named by ${path}`, error);
  });
}
