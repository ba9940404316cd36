import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';

/** What all servers of one cluster have in common: who is trusted, and what signs tokens. */
const SHARED = ['ca.crt', 'ca.key', 'service-account.key'];

/**
 * Takes over the authority and the token key of another server of the cluster from `source`, a copy of its `pki`
 * directory. Doing it again changes nothing.
 * @throws NotFound for a file that is missing there; Conflict when this server has keys of its own already.
 */
export async function joinPki(directory: string, source: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of SHARED) {
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
