import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../src/engines/engine.ts';
import { createOciEngine } from '../../src/engines/oci/oci-engine.ts';
import type { PreparedRoot } from '../../src/engines/sandbox-spec.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { run, tryRun } from '../../src/lib/run.ts';
import { busyboxTree, type EngineHarness } from './engine-harness.ts';

const CGROUP_PARENT = '/amphora-test';
const CGROUP_ROOT = '/sys/fs/cgroup';
const PROGRAMS = ['/bin/busybox', '/usr/bin/conmon'];
/** Of gVisor's sandboxes alone: for the program that holds them open. */
const COMPILER = ['/usr/bin/gcc', '/usr/bin/make'];

interface ChildOptions {
  readonly runtime: 'runc' | 'runsc';
  readonly scratch: string;
}

/** Also called by the child process that the suite kills. */
export function open({ runtime, scratch }: ChildOptions): Promise<Engine> {
  return createOciEngine({
    runtimes: { [runtime]: runtime },
    stateDirectory: join(scratch, 'state'),
    runDirectory: join(scratch, 'run'),
    pauseProgram: join(scratch, 'pause'),
    clock: systemClock,
    log: silentLogger(),
    cgroupParent: CGROUP_PARENT,
  });
}

export function ociHarness(runtime: 'runc' | 'runsc'): EngineHarness {
  const skip = whyNot(runtime);
  const scratch = skip === undefined ? mkdtempSync(join(tmpdir(), `oci-${runtime}-`)) : '';
  let root: Promise<PreparedRoot> | undefined;
  return {
    name: `oci-${runtime}`,
    runtimeClass: runtime,
    ...(skip === undefined ? {} : { skip }),
    lacks: runtime === 'runsc' ? GVISOR_LACKS : {},
    scratch,
    patienceMs: 60_000,
    open: async () => {
      if (runtime === 'runsc' && !existsSync(join(scratch, 'pause'))) {
        const source = new URL('../../guest/pause', import.meta.url).pathname;
        await run('make', ['-C', source, `OUTPUT=${join(scratch, 'pause')}`]);
      }
      return open({ runtime, scratch });
    },
    root: () => {
      root ??= makeRoot(join(scratch, 'image'));
      return root;
    },
    network: async (sandboxId) => {
      await run('ip', ['netns', 'add', sandboxId]);
      await run('ip', ['-n', sandboxId, 'link', 'set', 'lo', 'up']);
      const release = async () => void (await tryRun('ip', ['netns', 'delete', sandboxId]));
      return { network: { kind: 'namespace', path: `/run/netns/${sandboxId}`, interfaces: [] }, release };
    },
    leftovers: (id) => leftovers(scratch, id),
    child: { module: import.meta.url, options: { runtime, scratch } },
    close: async () => {
      // What a failed test left is ended before its folder goes.
      const signal = AbortSignal.timeout(60_000);
      const engine = await open({ runtime, scratch });
      await engine.recover(signal);
      for (const { id } of await engine.list(signal)) await engine.remove({ sandboxId: id }, signal);
      await engine.close();
      await rm(scratch, { recursive: true, force: true });
      // Version 2 has one hierarchy, version 1 one for each controller.
      for (const name of ['.', ...(await readdir(CGROUP_ROOT))]) {
        await tryRun('rmdir', [join(CGROUP_ROOT, name, CGROUP_PARENT)]);
      }
    },
  };
}

const GVISOR_LACKS = {
  seccomp: "gVisor's own kernel filters system calls",
  limits: 'in gVisor the kernel of the sandbox is what runs out of memory',
  serve: 'the namespace of this test has no address that the host could dial',
} as const;

function whyNot(runtime: string): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const wanted = runtime === 'runsc' ? [...PROGRAMS, ...COMPILER] : PROGRAMS;
  const missing = wanted.filter((program) => !existsSync(program));
  if (missing.length > 0) return `needs ${missing.join(', ')}`;
  try {
    execFileSync(runtime, ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `needs ${runtime}`;
  }
}

async function makeRoot(base: string): Promise<PreparedRoot> {
  const lower = join(base, 'lower');
  const upper = join(base, 'upper');
  mkdirSync(upper, { recursive: true });
  await busyboxTree(lower);
  return { kind: 'layers', imageId: 'sha256:test', directories: [upper, lower] };
}

/** Looked for where the kernel keeps them, not where the engine says they are. */
async function leftovers(scratch: string, id: string): Promise<string[]> {
  const found: string[] = [];
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  found.push(...mounts.split('\n').filter((line) => line.includes(`/${id}/`)));
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(`/${id}/`)) found.push(`process ${pid}: ${line.replaceAll('\0', ' ')}`);
  }
  const { stdout } = await tryRun('find', [CGROUP_ROOT, '-type', 'd', '-name', `*${id}*`]);
  found.push(...stdout.toString().split('\n').filter(Boolean));
  const files = await tryRun('find', [join(scratch, 'run'), join(scratch, 'state'), '-name', `*${id}*`]);
  found.push(...files.stdout.toString().split('\n').filter(Boolean));
  return found;
}
