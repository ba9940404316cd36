/**
 * Upstream's ranks of the groups it serves (`groupPriorityMinimum` of their APIServices): where two groups share a short
 * name, clients take the one that discovery lists first.
 */
const RANKS: Readonly<Record<string, number>> = {
  'apiregistration.k8s.io': 20_000,
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'resource.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
};

const CUSTOM_RANK = 1000;
const CUSTOM_VERSION_RANK = 100;
const VERSION_RANKS: Readonly<Record<string, number>> = {
  '/v1': 1,
  'apiregistration.k8s.io/v1': 18,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
};

export function isBuiltInGroup(group: string): boolean {
  return Object.hasOwn(RANKS, group);
}

/** Higher comes first; of a CRD's group it is that of all CRDs. */
export function groupPriority(group: string): number {
  return isBuiltInGroup(group) ? (RANKS[group] ?? CUSTOM_RANK) : CUSTOM_RANK;
}

/** Higher comes first in its group. */
export function versionPriority(group: string, version: string): number {
  if (!isBuiltInGroup(group)) return CUSTOM_VERSION_RANK;
  return VERSION_RANKS[`${group}/${version}`] ?? 15;
}
