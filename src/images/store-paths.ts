import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { isDigest } from './reference.ts';

/** Where things are below the images' state directory. Only this file knows. */
export interface StorePaths {
  readonly root: string;
  readonly blobs: string;
  /** Half-downloaded and half-made things; content is renamed out of here. */
  readonly ingest: string;
  readonly images: string;
  readonly references: string;
  readonly layers: string;
  readonly blocks: string;
}

export function storePaths(root: string): StorePaths {
  return {
    root,
    blobs: join(root, 'blobs', 'sha256'),
    ingest: join(root, 'ingest'),
    images: join(root, 'images'),
    references: join(root, 'references.json'),
    // Short, because all layers of an image must fit into one page of mount options.
    layers: join(root, 'layers'),
    blocks: join(root, 'blocks'),
  };
}

/** The hexadecimal part; checks the form, since it becomes part of a path. */
export function hexOf(digest: string): string {
  if (!isDigest(digest)) throw new AmphoraError('Corrupt', `${JSON.stringify(digest)} is no sha256 digest`);
  return digest.slice('sha256:'.length);
}

/**
 * Makes the folders, and removes what a crash left half made. Partial downloads stay: they are verified whole when they
 * are taken up again, and removed when unused for a day.
 */
export async function recoverStore(paths: StorePaths): Promise<void> {
  // Layers hold other systems' setuid programs: nobody but root may reach them.
  for (const path of [paths.root, paths.ingest, paths.layers])
    await mkdir(path, { recursive: true, mode: 0o700 });
  for (const path of [paths.blobs, paths.images, paths.blocks])
    await mkdir(path, { recursive: true, mode: 0o755 });
  for (const folder of [paths.ingest, paths.root, paths.images, paths.layers]) {
    for (const name of await readdir(folder)) {
      if (name.endsWith('.tmp') || (await isStalePartial(join(folder, name)))) {
        await rm(join(folder, name), { recursive: true, force: true });
      }
    }
  }
}

async function isStalePartial(path: string): Promise<boolean> {
  if (!path.endsWith('.partial')) return false;
  const { mtimeMs } = await stat(path);
  return Date.now() - mtimeMs > LIMITS.imagePartialMs;
}
