import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../cli/progress.ts';
import type { Engine } from '../engines/engine.ts';
import { systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { SECOND_MS } from '../lib/limits.ts';
import { silentLogger } from '../lib/log.ts';
import type { Network } from '../network/network.ts';
import { unmountBelow } from '../volumes/mounts.ts';
import { createEngines, createNetwork } from './host-parts.ts';
import { type Layout, layoutOf, newInstanceConfig, readInstanceConfig } from './instance.ts';
import { endProcess } from './process-file.ts';
import { processFile } from './status.ts';
import { removeUser } from './system-user.ts';

const STOP_GRACE_MS = 10 * SECOND_MS;

export interface DownRequest {
  readonly purge: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Stops the platform; with `purge`, removes all it made on this machine. Doing it twice is doing it once. */
export async function takeDown(name: string, { purge, progress, signal }: DownRequest): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new AmphoraError('Forbidden', "'amphora down' ends root's processes: run it as root (sudo)");
  const layout = layoutOf(name);
  const config = (await readInstanceConfig(layout.configFile)) ?? newInstanceConfig(name, {});
  // The node first: it talks to the server.
  await progress.step('stop the node', () => endProcess(processFile(layout, 'node'), STOP_GRACE_MS));
  await progress.step('stop the server', () => endProcess(processFile(layout, 'server'), STOP_GRACE_MS));
  if (!purge) {
    progress.note('Pods go on running; `amphora up` adopts them. To remove everything: amphora down --purge');
    return;
  }
  const log = silentLogger();
  await progress.step('end pods and their networks', async () => {
    const engines = await createEngines({ layout, clock: systemClock, log }).catch(() => []);
    for (const engine of engines) await removeSandboxes(engine, signal);
    const network = await createNetwork({ layout, podCidr: config.podCidr, log });
    await removeAttachments(network, signal);
    await network.purge(signal);
  });
  await progress.step('remove cgroups, mounts, files and the user', () => removeFiles(layout));
}

async function removeSandboxes(engine: Engine, signal: AbortSignal): Promise<void> {
  await engine.recover(signal);
  for (const sandbox of await engine.list(signal)) await engine.remove({ sandboxId: sandbox.id }, signal);
  await engine.close();
}

async function removeAttachments(network: Network, signal: AbortSignal): Promise<void> {
  for (const id of await network.list(signal)) await network.detach(id, signal);
}

async function removeFiles(layout: Layout): Promise<void> {
  for (const directory of [layout.run, layout.state]) {
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true });
  }
  for (const directory of [layout.config, layout.log]) await rm(directory, { recursive: true, force: true });
  await removeCgroups(layout.cgroup);
  await removeUser(layout.user);
}

/** Ours below each controller of v1, and below the root of v2. Only empty ones can be removed, and only those are. */
async function removeCgroups(name: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const controllers = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const ours = new Set([join(root, name), ...controllers.map((entry) => join(root, entry.name, name))]);
  for (const path of ours) await removeCgroupTree(path);
}

async function removeCgroupTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroupTree(join(path, entry.name));
  await rmdir(path).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}
