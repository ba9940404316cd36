import { AmphoraError } from '../lib/errors.ts';
import type { MergedView } from './merged-view.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * `user`, `uid`, `user:group` and their mixtures, as the image specification has them; empty means root. A number needs
 * no entry; a name does. Supplementary groups are those of the account, unless a group is given.
 * https://github.com/opencontainers/image-spec/blob/main/config.md
 * @throws NotFound for a name that the image's files do not have.
 */
export async function resolveUser(view: MergedView, text: string): Promise<ResolvedUser> {
  const [userText = '', groupText] = text.split(':', 2);
  const accounts = parseAccounts((await view.read('/etc/passwd')) ?? '');
  const groups = parseGroups((await view.read('/etc/group')) ?? '');
  const user = findUser(accounts, userText === '' ? '0' : userText);
  if (groupText !== undefined && groupText !== '') {
    return { uid: user.uid, gid: findGroup(groups, groupText), additionalGids: [] };
  }
  const additionalGids = groups
    .filter((group) => user.name !== undefined && group.members.includes(user.name) && group.gid !== user.gid)
    .map((group) => group.gid);
  return { uid: user.uid, gid: user.gid, additionalGids: [...new Set(additionalGids)] };
}

function findUser(
  accounts: readonly Account[],
  text: string,
): { uid: number; gid: number; name: string | undefined } {
  const byName = accounts.find(({ name }) => name === text);
  if (byName !== undefined) return byName;
  const uid = toId(text);
  if (uid === undefined) {
    throw new AmphoraError(
      'NotFound',
      `the image's /etc/passwd has no user ${JSON.stringify(text)}: use a number`,
    );
  }
  const account = accounts.find((one) => one.uid === uid);
  return { uid, gid: account?.gid ?? 0, name: account?.name };
}

function findGroup(groups: readonly Group[], text: string): number {
  const gid = groups.find(({ name }) => name === text)?.gid ?? toId(text);
  if (gid !== undefined) return gid;
  throw new AmphoraError(
    'NotFound',
    `the image's /etc/group has no group ${JSON.stringify(text)}: use a number`,
  );
}

function parseAccounts(file: string): Account[] {
  return lines(file).flatMap(([name, , uidText, gidText]) => {
    const uid = toId(uidText);
    const gid = toId(gidText);
    return name === undefined || uid === undefined || gid === undefined ? [] : [{ name, uid, gid }];
  });
}

function parseGroups(file: string): Group[] {
  return lines(file).flatMap(([name, , gidText, members]) => {
    const gid = toId(gidText);
    return name === undefined || gid === undefined
      ? []
      : [{ name, gid, members: (members ?? '').trim().split(',') }];
  });
}

function lines(file: string): string[][] {
  return file
    .split('\n')
    .filter((line) => line.includes(':'))
    .map((line) => line.split(':'));
}

/** Undefined for what is no number, or one that the kernel has no room for. */
function toId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  return id > 0xffff_fffe ? undefined : id;
}
