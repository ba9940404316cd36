import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ensureGuestKernel } from '../engines/vm/kernel.ts';
import { MINUTE_MS } from '../lib/limits.ts';
import { projectFile } from '../lib/program-files.ts';
import { run } from '../lib/run.ts';
import { guestPrograms, kernelDirectory } from './host-parts.ts';
import type { Layout } from './instance.ts';

const GUEST_SOURCES = projectFile('guest');

/** Builds the guest programs and unpacks the guest kernel, each where it is missing or older than its source. */
export async function prepareGuest(layout: Layout, signal: AbortSignal): Promise<void> {
  const programs = guestPrograms(layout);
  await mkdir(programs.directory, { recursive: true, mode: 0o755 });
  const options = { signal, timeoutMs: 2 * MINUTE_MS };
  await run('make', ['-s', '-C', GUEST_SOURCES, `OUTPUT=${programs.guest}`], options);
  await run('make', ['-s', '-C', resolve(GUEST_SOURCES, 'pause'), `OUTPUT=${programs.pause}`], options);
  await ensureGuestKernel(kernelDirectory(layout), signal);
}
