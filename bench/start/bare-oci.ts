import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createImages } from '../../src/images/create-images.ts';
import { makeSampleImage } from '../../src/images/sample.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { run, tryRun } from '../../src/lib/run.ts';

/** A bundle of the sample image that a runtime runs by itself, with nobody around it. */
export interface BareBundle {
  /** Milliseconds of `RUNTIME run --detach`, until the entrypoint has been started. */
  detached(runtime: string): Promise<number>;
  /** Milliseconds of `RUNTIME run` of `true`, until it has ended and its container is removed. */
  untilEnd(runtime: string): Promise<number>;
  close(): Promise<void>;
}

interface RuntimeConfig {
  process: { args: string[]; terminal: boolean };
  root: { path: string; readonly: boolean };
}

export async function makeBareBundle(signal: AbortSignal): Promise<BareBundle> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-bench-'));
  const root = join(directory, 'root');
  const images = createImages({
    directory: join(directory, 'images'),
    clock: systemClock,
    log: silentLogger(),
  });
  const archive = join(directory, 'sample.tar');
  await makeSampleImage(archive, 'localhost/bench:1');
  const [image] = await images.importArchive(archive, {}, signal);
  const prepared = await images.prepare(image?.id ?? '', 'layers', signal);
  if (prepared.kind !== 'layers') throw new TypeError('asked for layers');
  for (const part of ['upper', 'work', 'root']) await mkdir(join(directory, part));
  const layers = `lowerdir=${prepared.directories.join(':')},upperdir=${directory}/upper,workdir=${directory}/work`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
  await run('runc', ['spec'], { cwd: directory });
  const file = join(directory, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as RuntimeConfig; // As runc has just written it.
  const entrypoint = image?.config.entrypoint ?? [];
  const write = async (args: readonly string[]) => {
    config.process = { ...config.process, args: [...args], terminal: false };
    config.root = { path: root, readonly: false };
    await writeFile(file, JSON.stringify(config));
  };
  let number = 0;
  return {
    detached: async (runtime) => {
      await write(entrypoint);
      number += 1;
      const id = `amphora-bench-${process.pid}-${number}`;
      const elapsed = await timed(runtime, ['run', '--detach', '--bundle', directory, id]);
      await tryRun(runtime, ['delete', '--force', id]);
      return elapsed;
    },
    untilEnd: async (runtime) => {
      await write(['/bin/true']);
      number += 1;
      return await timed(runtime, ['run', '--bundle', directory, `amphora-bench-${process.pid}-${number}`]);
    },
    close: async () => {
      await images.close();
      await tryRun('umount', [root]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** From starting a program to its end. Its output goes nowhere, because a detached container keeps a pipe open. */
async function timed(program: string, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(program, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const elapsed = performance.now() - started;
  if (code !== 0) throw new Error(`${program} ${args[0] ?? ''} ended with status ${code}`);
  return elapsed;
}
