import { toBytes, toMillis } from '../api/quantity.ts';
import type { Container, Pod } from '../api/types.generated.ts';

/** Amount by resource name: thousandths of a CPU, bytes for memory and storage, pieces for the rest. */
export type ResourceAmounts = Readonly<Record<string, number>>;

export function toAmounts(quantities: Readonly<Record<string, string>>): ResourceAmounts {
  return Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, amountOf(name, value)]));
}

function amountOf(resource: string, quantity: string): number {
  return resource === 'cpu' ? toMillis(quantity) : toBytes(quantity);
}

export function sumAmounts(amounts: readonly ResourceAmounts[]): ResourceAmounts {
  return combine(amounts, (a, b) => a + b);
}

function maxAmounts(amounts: readonly ResourceAmounts[]): ResourceAmounts {
  return combine(amounts, Math.max);
}

function combine(
  amounts: readonly ResourceAmounts[],
  join: (a: number, b: number) => number,
): ResourceAmounts {
  const result: Record<string, number> = {};
  for (const amount of amounts) {
    for (const [name, value] of Object.entries(amount)) result[name] = join(result[name] ?? 0, value);
  }
  return result;
}

/**
 * What a pod asks for: its containers together with its sidecars, or the largest of its init containers (each
 * beside the sidecars that started before it), whichever is more, and its overhead on top.
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
 */
export function podRequests(pod: Pod): ResourceAmounts {
  const sidecars: ResourceAmounts[] = [];
  const starting: ResourceAmounts[] = [];
  for (const container of pod.spec?.initContainers ?? []) {
    const requests = containerRequests(container);
    if (container.restartPolicy === 'Always') sidecars.push(requests);
    starting.push(sumAmounts(container.restartPolicy === 'Always' ? sidecars : [...sidecars, requests]));
  }
  const running = sumAmounts([...sidecars, ...(pod.spec?.containers ?? []).map(containerRequests)]);
  return sumAmounts([maxAmounts([running, ...starting]), toAmounts(pod.spec?.overhead ?? {})]);
}

function containerRequests(container: Container): ResourceAmounts {
  return toAmounts({ ...container.resources?.limits, ...container.resources?.requests });
}
