import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRuntime } from '../../src/engines/oci/runtime.ts';
import { createImages } from '../../src/images/create-images.ts';
import { makeSampleImage } from '../../src/images/sample.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { run, tryRun } from '../../src/lib/run.ts';

type BareRuntime = 'runc' | 'runsc';

/** A bundle of the sample image that a runtime runs by itself, with nobody around it. */
export interface BareBundle {
  /** Milliseconds of `RUNTIME run --detach`, until the entrypoint has been started. */
  detached(runtime: BareRuntime): Promise<number>;
  /** Milliseconds of `RUNTIME run` of `true`, until it has ended and its container is removed. */
  untilEnd(runtime: BareRuntime): Promise<number>;
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
  const runtimes = new Map<string, readonly string[]>();
  const command = async (runtime: BareRuntime) => {
    const known = runtimes.get(runtime) ?? (await commandOf(runtime, directory, signal));
    runtimes.set(runtime, known);
    return known;
  };
  let number = 0;
  return {
    detached: async (runtime) => {
      const before = await command(runtime);
      await write(entrypoint);
      number += 1;
      const id = `amphora-bench-${process.pid}-${number}`;
      const elapsed = await timed([...before, 'run', '--detach', '--bundle', directory, id]);
      const [program = runtime, ...globals] = before;
      await tryRun(program, [...globals, 'delete', '--force', id]);
      return elapsed;
    },
    untilEnd: async (runtime) => {
      const before = await command(runtime);
      await write(['/bin/true']);
      number += 1;
      const id = `amphora-bench-${process.pid}-${number}`;
      return await timed([...before, 'run', '--bundle', directory, id]);
    },
    close: async () => {
      await images.close();
      await tryRun('umount', [root]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** With the flags the engine gives it, but no network: a namespace with nothing in it is what is left bare. */
async function commandOf(runtime: BareRuntime, directory: string, signal: AbortSignal): Promise<string[]> {
  const { family, program, globals } = await openRuntime(runtime, join(directory, runtime), signal);
  if (family === 'runc') return [program, ...globals];
  return [program, ...globals.filter((flag) => !flag.startsWith('--network=')), '--network=none'];
}

/** From starting a program to its end. Its output goes nowhere, because a detached container keeps a pipe open. */
async function timed([program = '', ...args]: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(program, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const elapsed = performance.now() - started;
  if (code !== 0) throw new Error(`${program} ended with status ${code}`);
  return elapsed;
}
