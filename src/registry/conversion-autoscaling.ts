import type { ApiObject } from '../api/kind.ts';

type Fields = Record<string, unknown>;

/** Where autoscaling/v1 keeps what it has no field for, as upstream's conversion does. */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const CURRENT = 'autoscaling.alpha.kubernetes.io/current-metrics';

/** autoscaling/v1 <-> v2: v1's one CPU target is a resource metric of v2; the rest of v2 travels in annotations. */
export function convertAutoscaler(object: Readonly<ApiObject>, apiVersion: string): ApiObject {
  return apiVersion === 'autoscaling/v1' ? toV1(object) : toV2(object);
}

function toV2(object: Readonly<ApiObject>): ApiObject {
  const { targetCPUUtilizationPercentage: cpu, ...spec } = fields(object.spec);
  const { currentCPUUtilizationPercentage: current, ...status } = fields(object.status);
  const annotations = { ...object.metadata.annotations };
  const metrics = [...(cpu === undefined ? [] : [cpuTarget(cpu)]), ...list(take(annotations, METRICS))];
  const currents = [
    ...(current === undefined ? [] : [cpuCurrent(current)]),
    ...list(take(annotations, CURRENT)),
  ];
  const behavior = take(annotations, BEHAVIOR);
  const conditions = take(annotations, CONDITIONS);
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(object, annotations),
    spec: { ...spec, ...(metrics.length > 0 ? { metrics } : {}), ...given('behavior', behavior) },
    ...(object.status === undefined
      ? {}
      : {
          status: {
            ...status,
            ...(currents.length > 0 ? { currentMetrics: currents } : {}),
            ...given('conditions', conditions),
          },
        }),
  };
}

function toV1(object: Readonly<ApiObject>): ApiObject {
  const { metrics, behavior, ...spec } = fields(object.spec);
  const { currentMetrics, conditions, ...status } = fields(object.status);
  const annotations = { ...object.metadata.annotations };
  const [cpu, others] = splitCpu(list(metrics), 'target');
  const [current, otherCurrents] = splitCpu(list(currentMetrics), 'current');
  keep(annotations, METRICS, others);
  keep(annotations, CURRENT, otherCurrents);
  keep(annotations, BEHAVIOR, behavior);
  keep(annotations, CONDITIONS, conditions);
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(object, annotations),
    spec: { ...spec, ...given('targetCPUUtilizationPercentage', cpu) },
    ...(object.status === undefined
      ? {}
      : { status: { ...status, ...given('currentCPUUtilizationPercentage', current) } }),
  };
}

function cpuTarget(percent: unknown): Fields {
  return {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
  };
}

function cpuCurrent(percent: unknown): Fields {
  return { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: percent } } };
}

/** The percentage of the first CPU utilization metric, and the metrics without it. */
function splitCpu(metrics: readonly unknown[], part: 'target' | 'current'): [unknown, unknown[]] {
  const percentOf = (metric: unknown) => {
    const resource = fields(fields(metric).resource);
    return resource.name === 'cpu' ? fields(resource[part]).averageUtilization : undefined;
  };
  const at = metrics.findIndex((metric) => percentOf(metric) !== undefined);
  return at < 0
    ? [undefined, [...metrics]]
    : [percentOf(metrics[at]), metrics.filter((_, index) => index !== at)];
}

function take(annotations: Record<string, string>, name: string): unknown {
  const text = annotations[name];
  delete annotations[name];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Written by hand and not JSON: upstream drops it too.
  }
}

function keep(annotations: Record<string, string>, name: string, value: unknown): void {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
  annotations[name] = JSON.stringify(value);
}

function withAnnotations(object: Readonly<ApiObject>, annotations: Record<string, string>) {
  const { annotations: _replaced, ...metadata } = object.metadata;
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}

function given(name: string, value: unknown): Fields {
  return value === undefined ? {} : { [name]: value };
}

function fields(value: unknown): Fields {
  // Objects of a known schema: what is no object is treated as an empty one.
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
