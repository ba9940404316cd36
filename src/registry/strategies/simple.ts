import { templateDefaults } from '../pod/defaults.ts';
import type { Strategy } from '../strategy.ts';

/** Kinds of which only how they may be written differs. */
export const simple: readonly Strategy[] = [
  { resource: 'leases.coordination.k8s.io', unconditionalUpdate: false, createOnUpdate: true },
  { resource: 'events', createOnUpdate: true },
  { resource: 'endpoints', createOnUpdate: true },
  { resource: 'endpointslices.discovery.k8s.io', generation: true },
  { resource: 'jobs.batch', generation: true, orphansByDefault: true, defaults: templateDefaults },
  { resource: 'cronjobs.batch', generation: true },
  { resource: 'poddisruptionbudgets.policy', generation: true },
  { resource: 'networkpolicies.networking.k8s.io', generation: true },
  { resource: 'ingresses.networking.k8s.io', generation: true },
  {
    resource: 'replicationcontrollers',
    generation: true,
    orphansByDefault: true,
    defaults: templateDefaults,
  },
  ...[
    'persistentvolumes',
    'persistentvolumeclaims',
    'podtemplates',
    'resourcequotas',
    'serviceaccounts',
    'csidrivers.storage.k8s.io',
    'csinodes.storage.k8s.io',
    'csistoragecapacities.storage.k8s.io',
    'storageclasses.storage.k8s.io',
    'volumeattachments.storage.k8s.io',
    'volumeattributesclasses.storage.k8s.io',
  ].map((resource) => ({ resource, returnsDeleted: true })),
];
