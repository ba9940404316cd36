import { chown, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { AccessFlags } from '../cli/platform.ts';
import { formatKubeconfig, readKubeconfig } from '../client/kubeconfig.ts';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import type { Layout } from './instance.ts';
import type { SystemUser } from './system-user.ts';

/** Files that say who may call, who decides and what is written down: {@link AccessFlags} as absolute paths. */
export type AccessConfig = AccessFlags;

/** Of these the server gets copies, since it does not run as root; a kubeconfig's keys are put into its copy. */
const COPIES = {
  authenticationConfig: { name: 'authentication.yaml', isKubeconfig: false },
  authenticationTokenWebhookConfig: { name: 'token-webhook.json', isKubeconfig: true },
  authorizationWebhookConfig: { name: 'authorization-webhook.json', isKubeconfig: true },
  auditPolicy: { name: 'audit-policy.yaml', isKubeconfig: false },
  auditWebhookConfig: { name: 'audit-webhook.json', isKubeconfig: true },
} as const;
const COPIED = Object.keys(COPIES) as (keyof typeof COPIES)[]; // Its own keys.

/** What was asked for now, else before; an empty path takes one back. @throws BadRequest for a log without a policy */
export function accessConfig(before: AccessConfig | undefined, flags: AccessFlags): AccessConfig {
  const config: Record<string, string> = { ...before };
  for (const name of [...COPIED, 'auditLog'] as const) {
    const path = flags[name];
    if (path === '') delete config[name];
    else if (path !== undefined) config[name] = resolve(path);
  }
  if (config.auditPolicy === undefined && (config.auditLog ?? config.auditWebhookConfig) !== undefined)
    throw new AmphoraError('BadRequest', '--audit-log and --audit-webhook-config go with --audit-policy');
  return config;
}

/** Copies the files where the server's user can read them, and gives it the folder of the audit log. */
export async function placeAccessFiles(
  layout: Layout,
  config: AccessConfig,
  user: SystemUser,
): Promise<void> {
  const directory = join(layout.serverState, 'access');
  await ownFolder(directory, user);
  for (const name of COPIED) {
    const source = config[name];
    if (source === undefined) continue;
    const target = join(directory, COPIES[name].name);
    await writeFileAtomic(target, await contentOf(source, COPIES[name].isKubeconfig), 0o600);
    await chown(target, user.uid, user.gid);
  }
  if (config.auditPolicy === undefined) return;
  if (config.auditLog === undefined) await ownFolder(dirname(auditLogOf(layout.log)), user);
  else await makeFolder(dirname(config.auditLog), user);
}

/** What the server reads: the copies, and where it writes. */
export function placedFiles(config: AccessConfig, at: { serverState: string; log: string }): AccessConfig {
  const placed: Record<string, string> = {};
  for (const name of COPIED)
    if (config[name] !== undefined) placed[name] = join(at.serverState, 'access', COPIES[name].name);
  if (config.auditPolicy !== undefined) placed.auditLog = config.auditLog ?? auditLogOf(at.log);
  return placed;
}

/** In a folder of its own: a log that goes on in a new file needs the folder. */
function auditLogOf(log: string): string {
  return join(log, 'audit', 'audit.log');
}

async function contentOf(source: string, isKubeconfig: boolean): Promise<string> {
  try {
    return isKubeconfig ? formatKubeconfig(await readKubeconfig(source)) : await readFile(source, 'utf8');
  } catch (error) {
    throw AmphoraError.during(`reading ${source}`, error);
  }
}

async function ownFolder(path: string, user: SystemUser): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chown(path, user.uid, user.gid);
}

/** A folder that was there before stays its owner's. */
async function makeFolder(path: string, user: SystemUser): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made !== undefined) await chown(path, user.uid, user.gid);
}
