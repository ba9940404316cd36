import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { GIB, KIB } from '../../lib/limits.ts';
import { syncfs } from '../../lib/syscalls/files.ts';
import { chroot } from '../../lib/syscalls/namespaces.ts';
import {
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_SETFCAP,
  dropPrivileges,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  setrlimit,
} from '../../lib/syscalls/privileges.ts';
import { ByteReader } from './byte-reader.ts';
import { readTar } from './tar-reader.ts';
import { type TreeReport, TreeWriter } from './tree-writer.ts';
import { UnpackError } from './unpack-error.ts';

/**
 * The program that reads what strangers packed: a process of its own, locked into one directory. It reads an
 * uncompressed tar from standard input and says one line of JSON, a {@link ChildReport}, on standard output.
 */
export interface ChildOptions {
  readonly root: string;
  readonly uid: number;
  readonly gid: number;
  readonly isPlain: boolean;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly cpuSeconds: number;
}

export type ChildReport =
  | { readonly ok: true; readonly report: TreeReport }
  | { readonly ok: false; readonly fault: string; readonly message: string };

/** CAP_MKNOD is not among them: a whiteout, a character device 0/0, needs none, and no other device is made. */
const KEPT = [CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP];
const OPEN_FILES = 64;

function lockIn(options: ChildOptions): void {
  setrlimit(RLIMIT_CORE, 0);
  setrlimit(RLIMIT_CPU, options.cpuSeconds);
  setrlimit(RLIMIT_FSIZE, Math.min(options.maxBytes, 1024 * GIB));
  setrlimit(RLIMIT_NOFILE, OPEN_FILES);
  process.umask(0);
  chroot(options.root);
  process.chdir('/');
  dropPrivileges({ uid: options.uid, gid: options.gid }, KEPT);
}

function unpack(options: ChildOptions): TreeReport {
  const root = openSync('/', 'r');
  try {
    const chunk = Buffer.allocUnsafe(256 * KIB);
    const reader = new ByteReader(() => {
      const size = readSync(0, chunk);
      return size === 0 ? undefined : chunk.subarray(0, size);
    }, options.maxBytes);
    const tree = new TreeWriter(root, options);
    let count = 0;
    for (const entry of readTar(reader)) {
      count++;
      if (count > options.maxEntries) {
        throw new UnpackError('TooLarge', `more than ${options.maxEntries} entries`);
      }
      let isRead = false;
      tree.write(entry, (use) => {
        isRead = true;
        reader.each(entry.size, use);
      });
      if (!isRead) reader.each(entry.size, () => {});
    }
    const report = tree.finish();
    syncfs(root);
    return report;
  } finally {
    closeSync(root);
  }
}

function failure(error: unknown): ChildReport {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UnpackError) return { ok: false, fault: error.fault, message };
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined; // Node and SyscallError share the shape.
  if (code === 'ENOSPC' || code === 'EDQUOT') return { ok: false, fault: 'OutOfSpace', message };
  if (code === 'EFBIG') return { ok: false, fault: 'TooLarge', message };
  if (code === 'ENAMETOOLONG' || code === 'EINVAL') return { ok: false, fault: 'Corrupt', message };
  return { ok: false, fault: 'Internal', message };
}

function main(): void {
  // The parent is the only caller and writes exactly this.
  const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
  let said: ChildReport;
  try {
    lockIn(options);
    said = { ok: true, report: unpack(options) };
  } catch (error) {
    said = failure(error);
  }
  const line = Buffer.from(JSON.stringify(said));
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
}

main();
