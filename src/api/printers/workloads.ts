import type {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  LabelSelector,
  PodTemplateSpec,
  ReplicaSet,
  StatefulSet,
} from '../types.generated.ts';
import {
  AGE,
  age,
  type Column,
  type ColumnSpec,
  columns,
  formatMap,
  humanDuration,
  orNone,
} from './column.ts';

interface Workload {
  readonly spec?: { readonly selector?: LabelSelector; readonly template?: PodTemplateSpec };
}

const CONTAINERS: ColumnSpec<Workload> = {
  name: 'Containers',
  wide: true,
  cell: (object) => containerList(object, (one) => one.name),
};
const IMAGES: ColumnSpec<Workload> = {
  name: 'Images',
  wide: true,
  cell: (object) => containerList(object, (one) => one.image ?? ''),
};
const SELECTOR: ColumnSpec<Workload> = {
  name: 'Selector',
  wide: true,
  cell: (object) => selectorText(object.spec?.selector),
};

/** Of the apps and batch groups, by `resource.group`. */
export const WORKLOAD_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  'deployments.apps': columns<Deployment>(
    { name: 'Ready', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}` },
    { name: 'Up-to-date', type: 'integer', cell: ({ status }) => status?.updatedReplicas ?? 0 },
    { name: 'Available', type: 'integer', cell: ({ status }) => status?.availableReplicas ?? 0 },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ),
  'replicasets.apps': columns<ReplicaSet>(
    { name: 'Desired', type: 'integer', cell: ({ spec }) => spec?.replicas ?? 1 },
    { name: 'Current', type: 'integer', cell: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', cell: ({ status }) => status?.readyReplicas ?? 0 },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ),
  'statefulsets.apps': columns<StatefulSet>(
    { name: 'Ready', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}` },
    AGE,
    CONTAINERS,
    IMAGES,
  ),
  'daemonsets.apps': columns<DaemonSet>(
    { name: 'Desired', type: 'integer', cell: ({ status }) => status?.desiredNumberScheduled ?? 0 },
    { name: 'Current', type: 'integer', cell: ({ status }) => status?.currentNumberScheduled ?? 0 },
    { name: 'Ready', type: 'integer', cell: ({ status }) => status?.numberReady ?? 0 },
    { name: 'Up-to-date', type: 'integer', cell: ({ status }) => status?.updatedNumberScheduled ?? 0 },
    { name: 'Available', type: 'integer', cell: ({ status }) => status?.numberAvailable ?? 0 },
    { name: 'Node Selector', cell: ({ spec }) => formatMap(spec?.template.spec?.nodeSelector) },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ),
  'jobs.batch': columns<Job>(
    { name: 'Status', cell: jobStatus },
    {
      name: 'Completions',
      cell: ({ spec, status }) => `${status?.succeeded ?? 0}/${spec?.completions ?? 1}`,
    },
    { name: 'Duration', cell: jobDuration },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ),
  'cronjobs.batch': columns<CronJob>(
    { name: 'Schedule', cell: ({ spec }) => spec?.schedule ?? '' },
    { name: 'Timezone', cell: ({ spec }) => orNone(spec?.timeZone) },
    { name: 'Suspend', cell: ({ spec }) => (spec?.suspend === true ? 'True' : 'False') },
    { name: 'Active', type: 'integer', cell: ({ status }) => status?.active?.length ?? 0 },
    {
      name: 'Last Schedule',
      cell: ({ status }, now) =>
        status?.lastScheduleTime === undefined ? '<none>' : age(status.lastScheduleTime, now),
    },
    AGE,
  ),
};

function jobStatus(job: Job): string {
  const has = (type: string) =>
    job.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True');
  if (has('Complete') === true) return 'Complete';
  if (has('Failed') === true) return 'Failed';
  if (job.metadata?.deletionTimestamp !== undefined) return 'Terminating';
  return has('Suspended') === true ? 'Suspended' : 'Running';
}

function jobDuration(job: Job, now: number): string {
  if (job.status?.startTime === undefined) return '';
  const end = job.status.completionTime === undefined ? now : Date.parse(job.status.completionTime);
  return humanDuration(end - Date.parse(job.status.startTime));
}

function containerList(
  object: Workload,
  part: (container: { name: string; image?: string }) => string,
): string {
  return (object.spec?.template?.spec?.containers ?? []).map(part).join(',');
}

function selectorText(selector: LabelSelector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector?.matchExpressions ?? []).map(
    ({ key, operator, values }) => `${key} ${operator.toLowerCase()} (${(values ?? []).join(',')})`,
  );
  return orNone([...labels, ...expressions].join(','));
}
