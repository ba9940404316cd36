import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import { run, tryRun } from '../../lib/run.ts';

/** One OCI runtime program. */
export interface Runtime {
  readonly family: 'runc' | 'runsc';
  readonly program: string;
  readonly globals: readonly string[];
  readonly version: string;
}

const GVISOR_GLOBALS = [
  '--network=sandbox',
  '--platform=systrap',
  '--file-access-mounts=shared',
  '--overlay2=none',
];

export async function findProgram(name: string): Promise<string | undefined> {
  if (name.includes('/'))
    return access(name).then(
      () => name,
      () => undefined,
    );
  for (const folder of [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    '/usr/local/sbin',
  ]) {
    const path = join(folder, name);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found && folder !== '') return path;
  }
  return undefined;
}

/** Finds a runtime and says which version it is. @throws HostLacks when it is not installed. */
export async function openRuntime(
  name: 'runc' | 'crun' | 'runsc',
  root: string,
  signal: AbortSignal,
): Promise<Runtime> {
  const program = await findProgram(name);
  if (program === undefined) {
    throw new AmphoraError('HostLacks', `${name} is not installed; install the package ${name}`);
  }
  const { stdout } = await run(program, ['--version'], { signal });
  const version = /version:?\s+(?:release-)?(\S+)/.exec(stdout.toString())?.[1] ?? 'unknown';
  const family = name === 'runsc' ? 'runsc' : 'runc';
  const globals = family === 'runsc' ? await gvisorGlobals(program, signal) : [];
  return { family, program, globals: [`--root=${root}`, ...globals], version: `${name} ${version}` };
}

/** Flags differ between releases: only those this one knows are used. */
async function gvisorGlobals(program: string, signal: AbortSignal): Promise<string[]> {
  const { stdout, stderr } = await tryRun(program, ['flags'], { signal });
  const known = stdout.toString() + stderr;
  const globals = GVISOR_GLOBALS.filter((flag) => known.includes(flag.replace(/^-(-[a-z0-9-]+)=.*$/, '$1 ')));
  // systrap came in 2023; before it ptrace is the platform that needs no KVM.
  return globals.map((flag) =>
    flag === '--platform=systrap' && !known.includes('systrap') ? '--platform=ptrace' : flag,
  );
}

/** `wrapper` is a program and its arguments that runs the runtime. */
export async function startContainer(
  runtime: Runtime,
  target: { id: string; wrapper: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const words = [...target.wrapper, runtime.program, ...runtime.globals, 'start', target.id];
  await run(words[0] ?? '', words.slice(1), { signal });
}

/** Signals the first process; one that has ended already, or is just being forgotten, is no error. */
export async function killContainer(
  runtime: Runtime,
  target: { id: string; signal: string; all?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stderr } = await tryRun(
    runtime.program,
    [...runtime.globals, 'kill', ...(target.all === true ? ['--all'] : []), target.id, target.signal],
    { signal },
  );
  if (
    exitCode !== 0 &&
    !/not running|not found|does not exist|no such (process|file)|already finished|stopped|cannot signal|not exist/i.test(
      stderr,
    )
  ) {
    throw new AmphoraError(
      'ProcessFailed',
      `sending ${target.signal} to ${target.id} failed: ${stderr.trim()}`,
    );
  }
}

/** Deletes what the runtime knows of a container, killing it; nothing known is no error. */
export async function deleteContainer(runtime: Runtime, id: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await tryRun(runtime.program, [...runtime.globals, 'delete', '--force', id], {
    signal,
  });
  if (exitCode !== 0 && !/not exist|not found|no such/i.test(stderr)) {
    throw new AmphoraError('ProcessFailed', `deleting ${id} failed: ${stderr.trim()}`);
  }
}

/** `created`, `running`, `stopped`; undefined when the runtime knows no such container. */
export async function containerState(
  runtime: Runtime,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { exitCode, stdout } = await tryRun(runtime.program, [...runtime.globals, 'state', id], { signal });
  return exitCode === 0 ? /"status":\s*"(\w+)"/.exec(stdout.toString())?.[1] : undefined;
}
