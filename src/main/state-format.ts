import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { STATE_FORMAT } from './instance.ts';

/**
 * The rule for upgrade and downgrade: a newer program converts what an older one left (there is nothing to convert
 * yet); an older one does not touch what a newer one left.
 * @throws HostLacks when the state was written by a newer Amphora.
 */
export async function checkStateFormat(stateDirectory: string): Promise<void> {
  const path = join(stateDirectory, 'format');
  const text = await readFile(path, 'utf8').catch((error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    await writeFileAtomic(path, `${STATE_FORMAT}\n`);
  } else if (Number(text) > STATE_FORMAT) {
    throw new AmphoraError(
      'HostLacks',
      `${stateDirectory} has format ${text.trim()}, and this Amphora knows ${STATE_FORMAT}: install the newer Amphora again, or use another --instance`,
    );
  }
}
