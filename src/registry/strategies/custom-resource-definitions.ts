import type { ApiObject } from '../../api/kind.ts';
import { definitionFaults } from '../custom/definition.ts';
import { storedVersions } from '../custom/definition-status.ts';
import { definitionWarnings } from '../custom/definition-warnings.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

/** Keeps a CRD that is being deleted until its objects are gone; upstream's name. */
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';
const SERVICE_PORT = 443;

export const customResourceDefinitions: Strategy = {
  resource: 'customresourcedefinitions.apiextensions.k8s.io',
  generation: true,
  unconditionalUpdate: false,
  defaults(crd) {
    const spec = ensure(crd, 'spec');
    const names = ensure(spec, 'names');
    if (text(names, 'singular') === '') names.singular = text(names, 'kind').toLowerCase();
    if (text(names, 'listKind') === '' && text(names, 'kind') !== '')
      names.listKind = `${text(names, 'kind')}List`;
    spec.conversion ??= { strategy: 'None' };
    const { service } = part(part(part(spec, 'conversion'), 'webhook'), 'clientConfig');
    if (service !== undefined)
      ensure(ensure(ensure(ensure(spec, 'conversion'), 'webhook'), 'clientConfig'), 'service').port ??=
        SERVICE_PORT;
  },
  prepareCreate(crd) {
    crd.status = {};
    noteStoredVersion(crd);
  },
  prepareUpdate: noteStoredVersion,
  validate: definitionFaults,
  warnings: definitionWarnings,
  // Whatever it holds: its objects go first.
  holds: ({ metadata }) => metadata.deletionTimestamp === undefined,
  prepareDelete(crd) {
    const finalizers = crd.metadata.finalizers ?? [];
    if (!finalizers.includes(CLEANUP)) crd.metadata.finalizers = [...finalizers, CLEANUP];
    const others = items(part(crd, 'status'), 'conditions').filter(({ type }) => type !== 'Terminating');
    const terminating = {
      type: 'Terminating',
      status: 'True',
      lastTransitionTime: crd.metadata.deletionTimestamp,
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    };
    crd.status = { ...part(crd, 'status'), conditions: [...others, terminating] };
  },
};

/** A version that objects were ever stored in stays noted until somebody has rewritten them and says so. */
function noteStoredVersion(crd: ApiObject): void {
  const stored = items(part(crd, 'spec'), 'versions').find(({ storage }) => storage === true);
  if (stored === undefined) return;
  const known = storedVersions(crd);
  if (known.includes(stored.name)) return;
  // A frozen status belongs to the object as it was.
  crd.status = { ...part(crd, 'status'), storedVersions: [...known, stored.name] };
}
