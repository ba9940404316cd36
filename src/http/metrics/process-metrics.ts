import { readdirSync } from 'node:fs';
import { Gauge, type Metric } from '../../lib/metrics.ts';

/** What every Prometheus client says of its process. */
export function processMetrics(): readonly Metric[] {
  const startedAt = Date.now() / 1000 - process.uptime();
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({ name, help }, () => [[[], read()]]);
  return [
    new Gauge({ name: 'process_cpu_seconds_total', help: 'User and system time.', type: 'counter' }, () => {
      const { user, system } = process.cpuUsage();
      return [[[], (user + system) / 1e6]];
    }),
    gauge('process_start_time_seconds', 'When the process began, since 1970.', () => startedAt),
    gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss()),
    gauge('process_open_fds', 'Open file descriptors.', openDescriptors),
    gauge('nodejs_heap_size_used_bytes', 'Heap of JavaScript in use.', () => process.memoryUsage().heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory of buffers.', () => process.memoryUsage().external),
  ];
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
