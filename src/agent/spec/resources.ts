import { toBytes, toMillis } from '../../api/quantity.ts';
import type { Container, Pod, ResourceRequirements } from '../../api/types.generated.ts';
import type { Resources } from '../../engines/sandbox-spec.ts';

export function toResources(requirements: ResourceRequirements | undefined): Resources {
  const { limits = {}, requests = {} } = requirements ?? {};
  // A limit without a request is also the request.
  const cpuRequest = requests.cpu ?? limits.cpu;
  const memoryRequest = requests.memory ?? limits.memory;
  return {
    ...(limits.memory === undefined ? {} : { memoryBytes: toBytes(limits.memory) }),
    ...(memoryRequest === undefined ? {} : { memoryRequestBytes: toBytes(memoryRequest) }),
    ...(limits.cpu === undefined ? {} : { cpuLimitMillis: toMillis(limits.cpu) }),
    ...(cpuRequest === undefined ? {} : { cpuRequestMillis: toMillis(cpuRequest) }),
  };
}

/**
 * What the whole pod may use: its containers together, or its largest init container if that is more. A
 * limit holds for the pod only when every container has one.
 */
export function podResources(pod: Pod): Resources {
  if (pod.spec?.resources !== undefined) return toResources(pod.spec.resources);
  const init = pod.spec?.initContainers ?? [];
  const together = [...(pod.spec?.containers ?? []), ...init.filter(isSidecar)].map(resourcesOf);
  const alone = init.filter((container) => !isSidecar(container)).map(resourcesOf);
  const overhead = toResources({ limits: pod.spec?.overhead ?? {} });
  const result: { -readonly [K in keyof Resources]: Resources[K] } = {};
  for (const key of ['memoryBytes', 'cpuLimitMillis'] as const) {
    if ([...together, ...alone].some((one) => one[key] === undefined)) continue;
    result[key] = total(key, { together, alone, overhead });
  }
  for (const key of ['memoryRequestBytes', 'cpuRequestMillis'] as const) {
    const value = total(key, { together, alone, overhead });
    if (value > 0) result[key] = value;
  }
  return result;
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function resourcesOf(container: Container): Resources {
  return toResources(container.resources);
}

function total(
  key: keyof Resources,
  parts: {
    readonly together: readonly Resources[];
    readonly alone: readonly Resources[];
    readonly overhead: Resources;
  },
): number {
  const sum = parts.together.reduce((amount, one) => amount + (one[key] ?? 0), 0);
  return Math.max(sum, ...parts.alone.map((one) => one[key] ?? 0)) + (parts.overhead[key] ?? 0);
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosOf(pod: Pod): QosClass {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(resourcesOf);
  if (all.every((one) => Object.keys(one).length === 0)) return 'BestEffort';
  const guaranteed = all.every(
    (one) =>
      one.memoryBytes !== undefined &&
      one.cpuLimitMillis !== undefined &&
      one.memoryBytes === one.memoryRequestBytes &&
      one.cpuLimitMillis === one.cpuRequestMillis,
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Which of two containers the kernel kills first when memory is short, by the rule kubelet uses. */
export function oomScoreAdj(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= 2_000_000_000) return -997;
  const qos = qosOf(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = resourcesOf(container).memoryRequestBytes ?? 0;
  return Math.min(999, Math.max(3, 1000 - Math.floor((1000 * request) / nodeMemoryBytes)));
}
