import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { planAggregation } from './plan.ts';

const COLLECTION = { apiVersion: 'rbac.authorization.k8s.io/v1', resource: 'clusterroles' };
/** Any role can be what another one gathers: all are looked at whenever one has changed. */
const ALL = 'all';

/** Keeps the rules of aggregated ClusterRoles as the roles they gather have them. */
export function clusterRoleAggregationController({ client, informers }: ControllerParts): Controller {
  const { clusterRoles } = informers;
  return {
    name: 'cluster-role-aggregation',
    sources: [{ informer: clusterRoles, keyOf: () => ALL }],
    async reconcile(_key, signal) {
      const roles = clusterRoles.list();
      for (const role of roles) {
        const rules = planAggregation(role, roles);
        if (rules === undefined) continue;
        const { name = '', resourceVersion } = role.metadata ?? {};
        const body = { metadata: { resourceVersion }, rules };
        await client
          .patch({ ...COLLECTION, name }, { type: 'merge', body }, { signal })
          .catch((error: unknown) => {
            // What was read is not the newest: the event of the newer one comes.
            if (!isCode(error, 'Conflict', 'NotFound')) throw error;
          });
      }
      return undefined;
    },
  };
}
