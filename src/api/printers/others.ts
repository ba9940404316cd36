import type {
  APIService,
  CustomResourceDefinition,
  EndpointSlice,
  EventEventsV1,
  FlowSchema,
  Ingress,
  Lease,
  PodDisruptionBudget,
  PriorityClass,
  PriorityLevelConfiguration,
  RuntimeClass,
  StorageClass,
} from '../types.generated.ts';
import { AGE, age, type Column, columns, orNone } from './column.ts';

/** Of the smaller groups, by `resource.group`. */
export const OTHER_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  'endpointslices.discovery.k8s.io': columns<EndpointSlice>(
    { name: 'AddressType', cell: (slice) => slice.addressType },
    {
      name: 'Ports',
      cell: (slice) =>
        firstFew(
          (slice.ports ?? []).map((port) => String(port.port ?? '*')),
          '<unset>',
        ),
    },
    {
      name: 'Endpoints',
      cell: (slice) =>
        firstFew(
          (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses),
          '<unset>',
        ),
    },
    AGE,
  ),
  'apiservices.apiregistration.k8s.io': columns<APIService>(
    {
      name: 'Service',
      cell: ({ spec }) =>
        spec?.service === undefined ? 'Local' : `${spec.service.namespace}/${spec.service.name}`,
    },
    { name: 'Available', cell: availability },
    AGE,
  ),
  'flowschemas.flowcontrol.apiserver.k8s.io': columns<FlowSchema>(
    { name: 'PriorityLevel', cell: ({ spec }) => spec?.priorityLevelConfiguration.name ?? '' },
    { name: 'MatchingPrecedence', type: 'integer', cell: ({ spec }) => spec?.matchingPrecedence },
    { name: 'DistinguisherMethod', cell: ({ spec }) => orNone(spec?.distinguisherMethod?.type) },
    AGE,
    {
      name: 'MissingPL',
      cell: ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    },
  ),
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': columns<PriorityLevelConfiguration>(
    { name: 'Type', cell: ({ spec }) => spec?.type ?? '' },
    {
      name: 'NominalConcurrencyShares',
      cell: ({ spec }) => orNone(numberText(spec?.limited?.nominalConcurrencyShares)),
    },
    { name: 'Queues', cell: (one) => orNone(numberText(queuingOf(one)?.queues)) },
    { name: 'HandSize', cell: (one) => orNone(numberText(queuingOf(one)?.handSize)) },
    { name: 'QueueLengthLimit', cell: (one) => orNone(numberText(queuingOf(one)?.queueLengthLimit)) },
    AGE,
  ),
  'leases.coordination.k8s.io': columns<Lease>(
    { name: 'Holder', cell: (lease) => lease.spec?.holderIdentity ?? '' },
    AGE,
  ),
  'runtimeclasses.node.k8s.io': columns<RuntimeClass>({ name: 'Handler', cell: (one) => one.handler }, AGE),
  'priorityclasses.scheduling.k8s.io': columns<PriorityClass>(
    { name: 'Value', type: 'integer', cell: (one) => one.value },
    { name: 'Global-Default', cell: (one) => String(one.globalDefault ?? false) },
    AGE,
    { name: 'PreemptionPolicy', cell: (one) => one.preemptionPolicy ?? 'PreemptLowerPriority' },
  ),
  'storageclasses.storage.k8s.io': columns<StorageClass>(
    { name: 'Provisioner', cell: (one) => one.provisioner },
    { name: 'ReclaimPolicy', cell: (one) => one.reclaimPolicy ?? 'Delete' },
    { name: 'VolumeBindingMode', cell: (one) => one.volumeBindingMode ?? 'Immediate' },
    { name: 'AllowVolumeExpansion', cell: (one) => String(one.allowVolumeExpansion ?? false) },
    AGE,
  ),
  'ingresses.networking.k8s.io': columns<Ingress>(
    { name: 'Class', cell: ({ spec }) => orNone(spec?.ingressClassName) },
    {
      name: 'Hosts',
      cell: ({ spec }) =>
        firstFew(
          (spec?.rules ?? []).flatMap((rule) => rule.host ?? []),
          '*',
        ),
    },
    {
      name: 'Address',
      cell: ({ status }) =>
        (status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? one.hostname).join(','),
    },
    { name: 'Ports', cell: ({ spec }) => ((spec?.tls ?? []).length > 0 ? '80, 443' : '80') },
    AGE,
  ),
  'poddisruptionbudgets.policy': columns<PodDisruptionBudget>(
    { name: 'Min Available', cell: ({ spec }) => String(spec?.minAvailable ?? 'N/A') },
    { name: 'Max Unavailable', cell: ({ spec }) => String(spec?.maxUnavailable ?? 'N/A') },
    { name: 'Allowed Disruptions', type: 'integer', cell: ({ status }) => status?.disruptionsAllowed ?? 0 },
    AGE,
  ),
  'customresourcedefinitions.apiextensions.k8s.io': columns<CustomResourceDefinition>({
    name: 'Created At',
    type: 'date',
    cell: (one) => one.metadata?.creationTimestamp ?? null,
  }),
  'events.events.k8s.io': columns<EventEventsV1>(
    { name: 'Last Seen', cell: (event, now) => age(event.series?.lastObservedTime ?? event.eventTime, now) },
    { name: 'Type', cell: (event) => event.type ?? '' },
    { name: 'Reason', cell: (event) => event.reason ?? '' },
    {
      name: 'Object',
      cell: (event) => `${(event.regarding?.kind ?? '').toLowerCase()}/${event.regarding?.name ?? ''}`,
    },
    { name: 'Message', cell: (event) => (event.note ?? '').trim() },
  ).toSpliced(0, 1),
};

function firstFew(all: readonly string[], none: string): string {
  if (all.length === 0) return none;
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

/** `True`, else `False (Reason)`. */
function availability({ status }: APIService): string {
  const found = status?.conditions?.find(({ type }) => type === 'Available');
  if (found === undefined) return 'Unknown';
  return found.status === 'True' ? 'True' : `${found.status} (${found.reason ?? ''})`;
}

function queuingOf({ spec }: PriorityLevelConfiguration) {
  return spec?.limited?.limitResponse?.queuing;
}

function numberText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
