import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What runs now: the bundle that `npm run build` makes, or the TypeScript sources as they are. */
const IS_BUNDLE = import.meta.filename.endsWith('.js');

/** Whether this is the bundle; the sources otherwise. */
export function isBundle(): boolean {
  return IS_BUNDLE;
}

/** The project's root directory, found from this file, wherever the bundler put it. */
const ROOT = rootAbove(import.meta.dirname);

/**
 * The file of a program of ours that another process or thread runs, in the same form as the caller runs in.
 * @param name path below `src`, without extension: `images/unpack/unpack-child`; must stand in tools/programs.ts too
 */
export function programFile(name: string): string {
  return IS_BUNDLE ? join(ROOT, 'dist', `${name}.js`) : join(ROOT, 'src', `${name}.ts`);
}

/** A file that comes with the project: `examples/one-image-three-ways.yaml`. */
export function projectFile(path: string): string {
  return join(ROOT, path);
}

function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new TypeError(`no package.json above ${import.meta.dirname}`);
  return rootAbove(parent);
}
