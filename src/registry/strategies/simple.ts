import { required } from '../field-errors.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/immutable.ts';
import { notNegative } from '../validation/numbers.ts';

/** Kinds of which only how they may be written differs. */
export const simple: readonly Strategy[] = [
  {
    resource: 'controllerrevisions.apps',
    validate(revision) {
      const details = notNegative(revision, '', 'revision').map((one) => ({ ...one, field: 'revision' }));
      return revision.data === undefined ? [...details, required('data', 'data is mandatory')] : details;
    },
    validateUpdate: (next, old) => immutable({ next, before: old, path: '' }, 'data'),
  },
  { resource: 'podtemplates', returnsDeleted: true, generation: true },
  { resource: 'deviceclasses.resource.k8s.io', generation: true },
  { resource: 'resourceslices.resource.k8s.io', generation: true },
  {
    resource: 'resourceclaims.resource.k8s.io',
    validateUpdate: (next, old) => immutable({ next, before: old, path: '' }, 'spec'),
  },
  {
    resource: 'resourceclaimtemplates.resource.k8s.io',
    validateUpdate: (next, old) => immutable({ next, before: old, path: '' }, 'spec'),
  },
  ...[
    'serviceaccounts',
    'csidrivers.storage.k8s.io',
    'csinodes.storage.k8s.io',
    'csistoragecapacities.storage.k8s.io',
  ].map((resource) => ({ resource, returnsDeleted: true })),
];
