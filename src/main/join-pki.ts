import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';

/** What all servers of one cluster have in common: who is trusted, what signs tokens, who they are to extension servers. */
const SHARED = ['ca.crt', 'ca.key', 'service-account.key', 'front-proxy/ca.crt', 'front-proxy/ca.key'];
/** Keys that signed tokens before. */
const EARLIER = /^service-account\..+\.(key|pub)$/;

/**
 * Takes over the authorities and the token keys of another server of the cluster from `source`, a copy of its `pki`
 * directory. Doing it again changes nothing.
 * @throws NotFound for a file that is missing there; Conflict when this server has keys of its own already.
 */
export async function joinPki(directory: string, source: string): Promise<void> {
  await mkdir(join(directory, 'front-proxy'), { recursive: true, mode: 0o700 });
  const earlier = (await readdir(source).catch(() => [])).filter((name) => EARLIER.test(name));
  for (const name of [...SHARED, ...earlier]) {
    const theirs = await readFile(join(source, name)).catch((cause: unknown) => {
      const message = `${join(source, name)} cannot be read: --pki names a copy of another server's pki directory`;
      throw new AmphoraError('NotFound', message, { cause });
    });
    const ours = await readFile(join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (ours === undefined) await writeFileAtomic(join(directory, name), theirs, 0o600);
    else if (!ours.equals(theirs))
      throw new AmphoraError(
        'Conflict',
        `${join(directory, name)} differs from ${join(source, name)}: this server belongs to another cluster; use another --instance`,
      );
  }
}
