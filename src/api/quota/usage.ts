import { type Amounts, addAmounts, amountsOf, podAmounts } from '../pod-resources.ts';
import type { Quantity } from '../quantity.ts';
import type { PersistentVolumeClaim, Pod, Service } from '../types.generated.ts';

const ONE: Quantity = { nanos: 1_000_000_000n, format: 'decimal' };
/** Kinds that may be counted by their bare name, too. */
const COUNTED: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
const REQUESTED = ['cpu', 'memory', 'ephemeral-storage'];
const OLDER_CLASS = 'volume.beta.kubernetes.io/storage-class';

/**
 * What one object takes of a quota, by the quota's names.
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 * @param resource qualified: `pods`, `deployments.apps`
 * @param object as its schema has it
 * @param now milliseconds since the epoch
 */
export function usageOf(resource: string, object: unknown, now: number): Amounts {
  const usage: Record<string, Quantity> = { [`count/${resource}`]: ONE };
  if (COUNTED.has(resource)) usage[resource] = ONE;
  // Each is what its resource says.
  if (resource === 'pods') return { ...usage, ...podUsage(object as Pod, now) };
  if (resource === 'services') return { ...usage, ...serviceUsage(object as Service) };
  if (resource === 'persistentvolumeclaims')
    return { ...usage, ...claimUsage(object as PersistentVolumeClaim) };
  return usage;
}

/** A pod that has ended, or should have by now, takes nothing but its place among the objects. */
function podUsage(pod: Pod, now: number): Amounts {
  if (pod.spec === undefined || hasEnded(pod, now)) return {};
  return {
    pods: ONE,
    ...computeUsage(podAmounts(pod.spec, 'requests'), podAmounts(pod.spec, 'limits')),
  };
}

export function hasEnded({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** Requests and limits by the names that quotas have for them. */
export function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const usage: Record<string, Quantity> = {};
  for (const [name, amount] of Object.entries(requests)) {
    const isPlain = REQUESTED.includes(name) || name.startsWith('hugepages-');
    if (isPlain) usage[name] = amount;
    if (isPlain || name.includes('/')) usage[`requests.${name}`] = amount;
  }
  for (const name of REQUESTED) if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  return usage;
}

function serviceUsage({ spec }: Service): Amounts {
  const ports = spec?.ports ?? [];
  const isBalanced = spec?.type === 'LoadBalancer';
  if (!isBalanced && spec?.type !== 'NodePort') return {};
  const isAllocated = !isBalanced || spec?.allocateLoadBalancerNodePorts !== false;
  const count = isAllocated ? ports.length : ports.filter(({ nodePort = 0 }) => nodePort !== 0).length;
  const nodePorts: Quantity = { nanos: BigInt(count) * ONE.nanos, format: 'decimal' };
  return { 'services.nodeports': nodePorts, ...(isBalanced ? { 'services.loadbalancers': ONE } : {}) };
}

function claimUsage({ metadata, spec }: PersistentVolumeClaim): Amounts {
  const { storage } = amountsOf(spec?.resources?.requests);
  const size = storage === undefined ? {} : { 'requests.storage': storage };
  const name = spec?.storageClassName ?? metadata?.annotations?.[OLDER_CLASS] ?? '';
  if (name === '') return size;
  const prefix = `${name}.storageclass.storage.k8s.io/`;
  const ofClass = { [`${prefix}persistentvolumeclaims`]: ONE };
  return storage === undefined ? ofClass : { ...size, ...ofClass, [`${prefix}requests.storage`]: storage };
}

/** The kind whose objects count for a name of a quota; undefined where only its scope of kinds tells. */
export function countedResource(name: string): string {
  if (name.startsWith('count/')) return name.slice('count/'.length);
  if (COUNTED.has(name)) return name;
  if (name.startsWith('services.')) return 'services';
  if (name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/'))
    return 'persistentvolumeclaims';
  return 'pods';
}

export function sumUsage(usages: readonly Amounts[]): Amounts {
  return usages.reduce(addAmounts, {});
}
