import type {
  ConfigMap,
  Event as CoreEvent,
  Endpoints,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Service,
  ServiceAccount,
} from '../types.generated.ts';
import { AGE, age, type Column, columns, countOf, orNone } from './column.ts';
import { podStatus, readyContainers, restarts } from './pod-status.ts';

/** Of the core group, by resource. */
export const CORE_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  pods: columns<Pod>(
    { name: 'Ready', cell: readyContainers },
    { name: 'Status', cell: podStatus },
    { name: 'Restarts', cell: (pod, now) => restarts(pod, (time) => age(time, now)) },
    AGE,
    { name: 'IP', wide: true, cell: (pod) => orNone(pod.status?.podIP) },
    { name: 'Node', wide: true, cell: (pod) => orNone(pod.spec?.nodeName) },
    { name: 'Nominated Node', wide: true, cell: (pod) => orNone(pod.status?.nominatedNodeName) },
    { name: 'Readiness Gates', wide: true, cell: readinessGates },
    { name: 'Class', wide: true, cell: (pod) => pod.spec?.runtimeClassName ?? 'container' },
  ),
  nodes: columns<Node>(
    { name: 'Status', cell: nodeStatus },
    { name: 'Roles', cell: nodeRoles },
    AGE,
    { name: 'Version', cell: (node) => node.status?.nodeInfo?.kubeletVersion ?? '' },
    { name: 'Internal-IP', wide: true, cell: (node) => nodeAddress(node, 'InternalIP') },
    { name: 'External-IP', wide: true, cell: (node) => nodeAddress(node, 'ExternalIP') },
    { name: 'OS-Image', wide: true, cell: (node) => node.status?.nodeInfo?.osImage ?? '<unknown>' },
    {
      name: 'Kernel-Version',
      wide: true,
      cell: (node) => node.status?.nodeInfo?.kernelVersion ?? '<unknown>',
    },
    {
      name: 'Container-Runtime',
      wide: true,
      cell: (node) => node.status?.nodeInfo?.containerRuntimeVersion ?? '<unknown>',
    },
  ),
  namespaces: columns<Namespace>({ name: 'Status', cell: (namespace) => namespace.status?.phase ?? '' }, AGE),
  services: columns<Service>(
    { name: 'Type', cell: (service) => service.spec?.type ?? 'ClusterIP' },
    { name: 'Cluster-IP', cell: (service) => orNone(service.spec?.clusterIP) },
    { name: 'External-IP', cell: externalIps },
    { name: 'Port(s)', cell: servicePorts },
    AGE,
    { name: 'Selector', wide: true, cell: (service) => selectorText(service.spec?.selector) },
  ),
  configmaps: columns<ConfigMap>(
    { name: 'Data', cell: (map) => countOf(map.data) + countOf(map.binaryData) },
    AGE,
  ),
  secrets: columns<Secret>(
    { name: 'Type', cell: (secret) => secret.type ?? 'Opaque' },
    { name: 'Data', type: 'integer', cell: (secret) => countOf(secret.data) },
    AGE,
  ),
  serviceaccounts: columns<ServiceAccount>(
    { name: 'Secrets', cell: (account) => account.secrets?.length ?? 0 },
    AGE,
  ),
  endpoints: columns<Endpoints>({ name: 'Endpoints', cell: endpointAddresses }, AGE),
  persistentvolumes: columns<PersistentVolume>(
    { name: 'Capacity', cell: (volume) => volume.spec?.capacity?.storage ?? '' },
    { name: 'Access Modes', cell: (volume) => accessModes(volume.spec?.accessModes) },
    { name: 'Reclaim Policy', cell: (volume) => volume.spec?.persistentVolumeReclaimPolicy ?? '' },
    { name: 'Status', cell: (volume) => volume.status?.phase ?? '' },
    {
      name: 'Claim',
      cell: (volume) =>
        [volume.spec?.claimRef?.namespace, volume.spec?.claimRef?.name].filter(Boolean).join('/'),
    },
    { name: 'StorageClass', cell: (volume) => volume.spec?.storageClassName ?? '' },
    { name: 'Reason', cell: (volume) => volume.status?.reason ?? '' },
    AGE,
  ),
  persistentvolumeclaims: columns<PersistentVolumeClaim>(
    { name: 'Status', cell: (claim) => claim.status?.phase ?? 'Pending' },
    { name: 'Volume', cell: (claim) => claim.spec?.volumeName ?? '' },
    { name: 'Capacity', cell: (claim) => claim.status?.capacity?.storage ?? '' },
    { name: 'Access Modes', cell: (claim) => accessModes(claim.status?.accessModes) },
    { name: 'StorageClass', cell: (claim) => claim.spec?.storageClassName ?? '' },
    AGE,
  ),
  events: columns<CoreEvent>(
    {
      name: 'Last Seen',
      cell: (event, now) =>
        age(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp, now),
    },
    { name: 'Type', cell: (event) => event.type ?? '' },
    { name: 'Reason', cell: (event) => event.reason ?? '' },
    {
      name: 'Object',
      cell: (event) =>
        `${(event.involvedObject.kind ?? '').toLowerCase()}/${event.involvedObject.name ?? ''}`,
    },
    { name: 'Subobject', wide: true, cell: (event) => event.involvedObject.fieldPath ?? '' },
    {
      name: 'Source',
      wide: true,
      cell: (event) =>
        [event.source?.component ?? event.reportingComponent, event.source?.host].filter(Boolean).join(', '),
    },
    { name: 'Message', cell: (event) => (event.message ?? '').trim() },
    {
      name: 'First Seen',
      wide: true,
      cell: (event, now) => age(event.firstTimestamp ?? event.eventTime, now),
    },
    { name: 'Count', wide: true, type: 'integer', cell: (event) => event.count ?? event.series?.count ?? 1 },
  ).toSpliced(0, 1),
};

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const met = gates.filter((gate) =>
    pod.status?.conditions?.some(
      (condition) => condition.type === gate.conditionType && condition.status === 'True',
    ),
  );
  return `${met.length}/${gates.length}`;
}

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function nodeRoles(node: Node): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(node.metadata?.labels ?? {}).filter((label) => label.startsWith(prefix));
  return orNone(
    roles
      .map((label) => label.slice(prefix.length))
      .sort()
      .join(','),
  );
}

function nodeAddress(node: Node, type: string): string {
  return orNone(node.status?.addresses?.find((address) => address.type === type)?.address);
}

function externalIps(service: Service): string {
  if (service.spec?.type === 'ExternalName') return orNone(service.spec.externalName);
  const given = service.spec?.externalIPs ?? [];
  const balanced = (service.status?.loadBalancer?.ingress ?? []).map(
    (ingress) => ingress.ip ?? ingress.hostname ?? '',
  );
  const all = [...balanced, ...given];
  if (all.length > 0) return all.join(',');
  return service.spec?.type === 'LoadBalancer' ? '<pending>' : '<none>';
}

function servicePorts(service: Service): string {
  const ports = service.spec?.ports ?? [];
  const texts = ports.map(
    ({ port, nodePort, protocol }) =>
      `${port}${nodePort === undefined || nodePort === 0 ? '' : `:${nodePort}`}/${protocol ?? 'TCP'}`,
  );
  return orNone(texts.join(','));
}

function selectorText(selector: Readonly<Record<string, string>> | undefined): string {
  return orNone(
    Object.entries(selector ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  );
}

function endpointAddresses(endpoints: Endpoints): string {
  const all = (endpoints.subsets ?? []).flatMap((subset) =>
    (subset.addresses ?? []).flatMap((address) =>
      subset.ports === undefined ? [address.ip] : subset.ports.map((port) => `${address.ip}:${port.port}`),
    ),
  );
  const more = all.length > 3 ? ` + ${all.length - 3} more...` : '';
  return orNone(`${all.slice(0, 3).join(',')}${more}`);
}

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(modes: readonly string[] | undefined): string {
  return (modes ?? []).map((mode) => ACCESS_MODES[mode] ?? mode).join(',');
}
