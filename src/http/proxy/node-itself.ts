import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { toTime } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { Gauge } from '../../lib/metrics.ts';
import { readChunks } from '../../lib/read-chunks.ts';
import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed, noSuchResource } from '../status.ts';
import { answerList } from '../verbs/answer.ts';
import { contextOf } from '../verbs/context.ts';

/** What each sandbox of a node uses, as the node says it. */
interface Usage {
  readonly podUid: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly at: number;
  readonly cpuNanoseconds: number;
  readonly memoryBytes: number;
  readonly workingSetBytes: number;
}

type Page = (services: Services, exchange: Exchange, node: string) => Promise<void>;

/** What people and tools ask of a kubelet. */
const PAGES: Readonly<Record<string, Page>> = {
  '/healthz': async (services, exchange, node) => {
    await usageOn(services, exchange, node); // Whoever answers that is well.
    await exchange.reply.send(200, 'text/plain; charset=utf-8', Buffer.from('ok'));
  },
  '/pods': pods,
  '/stats/summary': summary,
  '/metrics/resource': resourceMetrics,
};

/** `nodes/NAME/proxy/…` without a port: a node listens to nobody, so this is asked through its tunnel. */
export async function answerForNode(
  services: Services,
  exchange: Exchange,
  at: { readonly node: string; readonly path: string },
): Promise<void> {
  const path = at.path.replace(/(.)\/+$/, '$1');
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
  if (page === undefined) throw noSuchResource();
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw methodNotAllowed();
  await page(services, exchange, at.node);
}

async function pods(services: Services, exchange: Exchange, node: string): Promise<void> {
  const kind = services.registry.kinds.find('', 'v1', 'pods');
  if (kind === undefined) throw noSuchResource();
  const target = { kind, namespace: '' };
  const fieldSelector = `spec.nodeName=${node}`;
  const list = await services.registry.list(contextOf(exchange), target, { fieldSelector });
  await answerList(services, exchange, { kind, list });
}

/** https://kubernetes.io/docs/reference/instrumentation/node-metrics/ */
async function summary(services: Services, exchange: Exchange, node: string): Promise<void> {
  const usage = await usageOn(services, exchange, node);
  const all = usage.map((one) => ({
    podRef: { name: one.podName, namespace: one.podNamespace, uid: one.podUid },
    cpu: { time: toTime(one.at), usageCoreNanoSeconds: one.cpuNanoseconds },
    memory: { time: toTime(one.at), usageBytes: one.memoryBytes, workingSetBytes: one.workingSetBytes },
  }));
  await exchange.reply.json(200, { node: { nodeName: node }, pods: all });
}

async function resourceMetrics(services: Services, exchange: Exchange, node: string): Promise<void> {
  const usage = await usageOn(services, exchange, node);
  const labels = ['namespace', 'pod'];
  const of = (read: (one: Usage) => number) => () =>
    usage.map((one) => [[one.podNamespace, one.podName], read(one)] as const);
  const metrics = [
    new Gauge(
      { name: 'pod_cpu_usage_seconds_total', help: 'CPU time of a pod.', labels, type: 'counter' },
      of(({ cpuNanoseconds }) => cpuNanoseconds / 1e9),
    ),
    new Gauge(
      { name: 'pod_memory_working_set_bytes', help: 'Memory of a pod.', labels },
      of(({ workingSetBytes }) => workingSetBytes),
    ),
  ];
  const text = metrics.map((one) => one.expose()).join('');
  await exchange.reply.send(200, 'text/plain; version=0.0.4; charset=utf-8', Buffer.from(text));
}

async function usageOn(services: Services, exchange: Exchange, node: string): Promise<readonly Usage[]> {
  const { signal } = exchange;
  const stream = await services.nodes.open(node, '/v1/stats', { request: {}, signal });
  stream.end();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readChunks(stream)) {
    size += chunk.length;
    if (size > LIMITS.nodeStatsBytes) {
      stream.destroy();
      throw new AmphoraError('Internal', `node ${JSON.stringify(node)} says more than it can have to say`);
    }
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  return Array.isArray(value) ? value.filter(isJsonObject).map(usageOf) : [];
}

function usageOf(one: JsonObject): Usage {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  return {
    podUid: String(one.podUid),
    podNamespace: String(one.podNamespace),
    podName: String(one.podName),
    at: number(one.at),
    cpuNanoseconds: number(one.cpuNanoseconds),
    memoryBytes: number(one.memoryBytes),
    workingSetBytes: number(one.workingSetBytes),
  };
}
