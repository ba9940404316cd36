import { join } from 'node:path';
import type { PlatformStatus, ProcessStatus } from '../cli/platform.ts';
import type { Layout } from './instance.ts';
import { readProcessFile, residentBytes, uptimeOf } from './process-file.ts';
import { VERSION } from './version.ts';

export function processFile(layout: Layout, process: 'server' | 'node'): string {
  return join(layout.run, `${process}.pid`);
}

export async function platformStatus(layout: Layout): Promise<PlatformStatus> {
  const [server, node] = await Promise.all([
    statusOf(processFile(layout, 'server')),
    statusOf(processFile(layout, 'node')),
  ]);
  return { version: VERSION, server, node };
}

async function statusOf(file: string): Promise<ProcessStatus> {
  const record = await readProcessFile(file);
  if (record === undefined) return { running: false };
  const [memoryBytes, uptimeMs] = await Promise.all([residentBytes(record.pid), uptimeOf(record)]);
  return { running: true, pid: record.pid, memoryBytes, uptimeMs };
}
