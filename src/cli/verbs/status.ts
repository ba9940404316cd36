import type { Command } from 'commander';
import type { Node, Pod } from '../../api/types.generated.ts';
import type { CliContext } from '../context.ts';
import type { Platform, ProcessStatus } from '../platform.ts';
import { formatBytes, formatDuration, formatTable, print } from '../table.ts';

export function status(program: Command, context: CliContext): void {
  program
    .command('status')
    .description('show what runs: both processes, nodes, pods by class')
    .option('-o, --output <format>', 'json, or a table for people')
    .action(async (options: { output?: string }) => {
      const platform = await context.platform(program.opts().instance);
      print(context.out, options.output, await gather(platform, context.signal), describe);
    });
}

interface Overview {
  readonly version: string;
  readonly server: ProcessStatus;
  readonly node: ProcessStatus;
  readonly nodes: readonly { readonly name: string; readonly ready: boolean }[];
  readonly pods: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

async function gather(platform: Platform, signal: AbortSignal): Promise<Overview> {
  const processes = await platform.status(signal);
  if (!processes.server.running) return { ...processes, nodes: [], pods: {} };
  await using stack = new AsyncDisposableStack();
  const client = stack.adopt(await platform.connect(), (open) => open.close());
  const [nodes, pods] = await Promise.all([
    client.list<Node>({ apiVersion: 'v1', resource: 'nodes' }, {}, { signal }),
    client.list<Pod>({ apiVersion: 'v1', resource: 'pods' }, {}, { signal }),
  ]);
  return { ...processes, nodes: nodes.items.map(nodeSummary), pods: countPods(pods.items) };
}

function nodeSummary(node: Node): { name: string; ready: boolean } {
  const ready = node.status?.conditions?.some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
  return { name: node.metadata?.name ?? '', ready: ready === true };
}

function countPods(pods: readonly Pod[]): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const pod of pods) {
    const className = pod.spec?.runtimeClassName ?? 'container';
    const phase = pod.status?.phase ?? 'Pending';
    const ofClass = counts[className] ?? {};
    ofClass[phase] = (ofClass[phase] ?? 0) + 1;
    counts[className] = ofClass;
  }
  return counts;
}

function describe(overview: Overview): string {
  const processes = formatTable(
    ['process', 'state', 'pid', 'memory', 'up for'],
    [processRow('server', overview.server), processRow('node', overview.node)],
  );
  const nodes = overview.nodes
    .map((node) => `node ${node.name}: ${node.ready ? 'Ready' : 'not ready'}\n`)
    .join('');
  const pods = Object.entries(overview.pods).flatMap(([className, phases]) =>
    Object.entries(phases).map(([phase, count]) => [className, phase, String(count)]),
  );
  return `${processes}\n${nodes}${pods.length === 0 ? 'no pods\n' : `\n${formatTable(['class', 'phase', 'pods'], pods)}`}`;
}

function processRow(name: string, process: ProcessStatus): string[] {
  if (!process.running) return [name, "stopped (start with 'sudo amphora up')", '', '', ''];
  return [
    name,
    'running',
    String(process.pid ?? ''),
    formatBytes(process.memoryBytes ?? 0),
    formatDuration(process.uptimeMs ?? 0),
  ];
}
