import { readFile } from 'node:fs/promises';
import { run, tryRun } from '../lib/run.ts';

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** The unprivileged user the server runs as: made with the distribution's own tool if it is not there. */
export async function ensureUser(name: string, home: string): Promise<SystemUser> {
  const known = await findUser(name);
  if (known !== undefined) return known;
  await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    home,
    '--shell',
    '/usr/sbin/nologin',
    name,
  ]);
  const made = await findUser(name);
  if (made === undefined) throw new Error(`useradd ${name} succeeded, but /etc/passwd does not name it`);
  return made;
}

export async function removeUser(name: string): Promise<void> {
  if ((await findUser(name)) !== undefined) await tryRun('userdel', [name]);
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const found = lines.find(([user]) => user === name);
  return found === undefined ? undefined : { uid: Number(found[2]), gid: Number(found[3]) };
}
