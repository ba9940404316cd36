import { formatSelector, fromLabelSelector } from '../label-selector.ts';
import type {
  ControllerRevision,
  HorizontalPodAutoscalerAutoscalingV2,
  IngressClass,
  MetricSpec,
  MetricStatus,
  NetworkPolicy,
  PodTemplate,
  ReplicationController,
} from '../types.generated.ts';
import { AGE, type Column, type ColumnSpec, columns, formatMap, orNone } from './column.ts';

const CREATED: ColumnSpec<{ metadata?: { creationTimestamp?: string } }> = {
  name: 'Created At',
  type: 'date',
  cell: ({ metadata }) => metadata?.creationTimestamp,
};
/** Of templates, scaling and rules of the network, by `resource.group`. */
export const RULE_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  limitranges: columns(CREATED),
  podtemplates: columns<PodTemplate>(
    { name: 'Containers', cell: ({ template }) => listOf(template?.spec?.containers, ({ name }) => name) },
    {
      name: 'Images',
      cell: ({ template }) => listOf(template?.spec?.containers, ({ image }) => image ?? ''),
    },
    { name: 'Pod Labels', cell: ({ template }) => formatMap(template?.metadata?.labels) },
  ),
  replicationcontrollers: columns<ReplicationController>(
    { name: 'Desired', type: 'integer', cell: ({ spec }) => spec?.replicas ?? 1 },
    { name: 'Current', type: 'integer', cell: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', cell: ({ status }) => status?.readyReplicas ?? 0 },
    AGE,
    {
      name: 'Containers',
      wide: true,
      cell: ({ spec }) => listOf(spec?.template?.spec?.containers, (one) => one.name),
    },
    {
      name: 'Images',
      wide: true,
      cell: ({ spec }) => listOf(spec?.template?.spec?.containers, (one) => one.image ?? ''),
    },
    { name: 'Selector', wide: true, cell: ({ spec }) => formatMap(spec?.selector) },
  ),
  'controllerrevisions.apps': columns<ControllerRevision>(
    {
      name: 'Controller',
      cell: ({ metadata }) => {
        const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
        return owner === undefined
          ? '<none>'
          : `${owner.kind.toLowerCase()}.${owner.apiVersion.split('/')[0]}/${owner.name}`;
      },
    },
    { name: 'Revision', type: 'integer', cell: ({ revision }) => revision },
    AGE,
  ),
  'horizontalpodautoscalers.autoscaling': columns<HorizontalPodAutoscalerAutoscalingV2>(
    { name: 'Reference', cell: ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}` },
    { name: 'Targets', cell: targets },
    { name: 'MinPods', cell: ({ spec }) => String(spec.minReplicas ?? '<unset>') },
    { name: 'MaxPods', type: 'integer', cell: ({ spec }) => spec.maxReplicas },
    { name: 'Replicas', type: 'integer', cell: ({ status }) => status?.currentReplicas ?? 0 },
    AGE,
  ),
  'ingressclasses.networking.k8s.io': columns<IngressClass>(
    { name: 'Controller', cell: ({ spec }) => spec?.controller ?? '' },
    {
      name: 'Parameters',
      cell: ({ spec }) => {
        const { apiGroup, kind = '', name = '' } = spec?.parameters ?? {};
        if (spec?.parameters === undefined) return '<none>';
        return `${kind}${apiGroup === undefined ? '' : `.${apiGroup}`}/${name}`;
      },
    },
    AGE,
  ),
  'networkpolicies.networking.k8s.io': columns<NetworkPolicy>(
    {
      name: 'Pod-Selector',
      cell: ({ spec }) => orNone(formatSelector(fromLabelSelector(spec?.podSelector ?? {}))),
    },
    AGE,
  ),
};

function listOf<T>(items: readonly T[] | undefined, text: (item: T) => string): string {
  return (items ?? []).map(text).join(',');
}

const MOST_TARGETS = 2;

/** `cpu: 12%/80%`: what each metric is and is to be; the first two of them. */
function targets({ spec, status }: HorizontalPodAutoscalerAutoscalingV2): string {
  const all = (spec.metrics ?? []).map((metric, index) =>
    target(metric, status?.currentMetrics?.[index] ?? undefined),
  );
  if (all.length === 0) return '<none>';
  const more = all.length - MOST_TARGETS;
  return `${all.slice(0, MOST_TARGETS).join(', ')}${more > 0 ? ` + ${more} more...` : ''}`;
}

function target(metric: MetricSpec, current: MetricStatus | undefined): string {
  const source = metric.resource ?? metric.containerResource;
  const now =
    current?.resource?.current ??
    current?.containerResource?.current ??
    current?.pods?.current ??
    current?.object?.current ??
    current?.external?.current;
  const wanted = source?.target ?? metric.pods?.target ?? metric.object?.target ?? metric.external?.target;
  const name = source === undefined ? '' : `${source.name}: `;
  if (wanted?.averageUtilization !== undefined)
    return `${name}${now?.averageUtilization === undefined ? '<unknown>' : `${now.averageUtilization}%`}/${wanted.averageUtilization}%`;
  if (wanted?.averageValue !== undefined)
    return `${name}${now?.averageValue ?? '<unknown>'}/${wanted.averageValue}${source === undefined ? ' (avg)' : ''}`;
  return `${name}${now?.value ?? '<unknown>'}/${wanted?.value ?? '<auto>'}`;
}
