import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../../src/main/instance.ts';

/** A process, told apart from a later one with the same pid by when it started. */
export interface Process {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
  readonly command: string;
}

const PASSING = new Set(['sleep', 'kubectl', 'ps']);

/** Every process of a pod: its UID stands in the command line (monitors, VMMs) or in the name of the cgroup. */
export async function processesOf(uid: string): Promise<readonly Process[]> {
  const found: Process[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const [line, cgroup, stat] = await Promise.all(
      ['cmdline', 'cgroup', 'stat'].map((file) => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '')),
    );
    if (stat === undefined || !(line?.includes(uid) || cgroup?.includes(uid))) continue;
    const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || PASSING.has(command)) continue;
    found.push({ pid: Number(entry), startTicks: Number(fields[19]), command });
  }
  return found;
}

/** What is on the machine that names a pod: processes, mounts, cgroups, files, address leases. */
export async function leftoversOf(layout: Layout, uid: string): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const files = await Promise.all([layout.nodeState, layout.run].map((root) => filesNaming(root, uid)));
  const leases = join(layout.nodeState, 'network/leases');
  return [
    ...(await processesOf(uid)).map(({ pid, command }) => `process ${pid} ${command}`),
    ...mounts.filter((line) => line.includes(uid)).map((line) => `mount ${line.split(' ')[4]}`),
    ...(await filesNaming('/sys/fs/cgroup', uid)).map((path) => `cgroup ${path}`),
    ...files.flat().map((path) => `file ${path}`),
    ...(await filesHolding(leases, uid)).map((path) => `lease ${path}`),
  ];
}

/** Interfaces that hang on the instance's bridge. */
export async function bridgePorts(layout: Layout): Promise<readonly string[]> {
  return await readdir(`/sys/class/net/${layout.bridge}/brif`).catch(() => []);
}

/** What is left of any pod in an instance where none is wanted any more. */
export async function leftoversOfAll(layout: Layout): Promise<readonly string[]> {
  const folders = ['oci/sandboxes', 'oci/exits', 'oci/s', 'netns', 'vm/sandboxes', 'volumes'].map((path) =>
    join(layout.run, path),
  );
  const states = ['pods', 'logs', 'volumes', 'oci/layers', 'network/attachments', 'events'].map((path) =>
    join(layout.nodeState, path),
  );
  const entries = await Promise.all(
    [...folders, ...states].map(async (folder) =>
      (await readdir(folder).catch(() => [])).map((name) => join(folder, name)),
    ),
  );
  const runtimes = await Promise.all(['runc', 'runsc'].map((name) => runtimeStates(layout, name)));
  return [...entries.flat(), ...runtimes.flat(), ...(await bridgePorts(layout))];
}

async function runtimeStates(layout: Layout, runtime: string): Promise<string[]> {
  const folder = join(layout.run, 'oci', runtime);
  return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
}

async function filesNaming(root: string, part: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.map(async (entry) => {
      const path = join(root, entry.name);
      if (entry.name.includes(part)) return [path];
      // An image's layers are many files that name no pod.
      return entry.isDirectory() && entry.name !== 'images' ? filesNaming(path, part) : [];
    }),
  );
  return below.flat();
}

async function filesHolding(folder: string, part: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const texts = await Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name), 'utf8').catch(() => '')] as const),
  );
  return texts.filter(([, text]) => text.includes(part)).map(([name]) => join(folder, name));
}
