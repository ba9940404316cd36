import { toBytes, toMillis } from '../../api/quantity.ts';
import type { Container, Pod } from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';

/** What a downward API field can say beyond the pod itself. */
export interface FieldFacts {
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  readonly podIps: readonly string[];
}

/** https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields */
export function podField(pod: Pod, path: string, facts: FieldFacts): string {
  const metadata = pod.metadata ?? {};
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === 'labels' ? metadata.labels : metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  const simple: Readonly<Record<string, string>> = {
    'metadata.name': metadata.name ?? '',
    'metadata.namespace': metadata.namespace ?? '',
    'metadata.uid': metadata.uid ?? '',
    'metadata.labels': mapLines(metadata.labels),
    'metadata.annotations': mapLines(metadata.annotations),
    'spec.nodeName': facts.nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? 'default',
    'status.hostIP': facts.hostIps[0] ?? '',
    'status.hostIPs': facts.hostIps.join(','),
    'status.podIP': facts.podIps[0] ?? '',
    'status.podIPs': facts.podIps.join(','),
  };
  const value = simple[path];
  if (value === undefined) throw new AmphoraError('Invalid', `unsupported fieldPath: ${path}`);
  return value;
}

/** One `key="value"` a line, sorted, as the downward API writes maps. */
function mapLines(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

export interface ResourceSelector {
  readonly containerName?: string;
  readonly resource: string;
  readonly divisor?: string;
}

/** What the node could give, where a container sets no limit. */
export interface Allocatable {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** A container's request or limit in units of the divisor, rounded up; a missing limit is what the node has. */
export function containerResource(
  container: Container,
  selector: ResourceSelector,
  allocatable: Allocatable,
): string {
  const [sort, name] = splitResource(selector.resource);
  const quantity = container.resources?.[sort]?.[name];
  const convert = name === 'cpu' ? toMillis : toBytes;
  const fallback = name === 'cpu' ? allocatable.cpuMillis : name === 'memory' ? allocatable.memoryBytes : 0;
  const amount = quantity === undefined ? (sort === 'limits' ? fallback : 0) : convert(quantity);
  const divisor = convert(
    selector.divisor === undefined || selector.divisor === '0' ? '1' : selector.divisor,
  );
  return String(Math.ceil(amount / divisor));
}

function splitResource(resource: string): ['limits' | 'requests', string] {
  const match = /^(limits|requests)\.(.+)$/.exec(resource);
  if (match === null) throw new AmphoraError('Invalid', `unsupported resource: ${resource}`);
  return [match[1] === 'limits' ? 'limits' : 'requests', match[2] ?? ''];
}
