import { qualifiedResource } from '../../../api/kind.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { LiveObjects } from '../../live.ts';
import { byNamespace } from '../../live-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { forbidden } from '../faults.ts';
import { Ledger } from '../quota/ledger.ts';

/**
 * What is made in a namespace stays within its quotas. The last plugin of all: what is charged is what will be.
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
export function resourceQuota(quotas: LiveObjects, clock: Clock): AdmissionPlugin {
  const inNamespace = byNamespace(quotas);
  const ledger = new Ledger();
  return {
    name: 'ResourceQuota',
    handles: (request) => inNamespace(request.namespace).length > 0 && takesMore(request),
    async validate(request) {
      const { kind, object, old, namespace, dryRun, reader } = request;
      const demand = { resource: qualifiedResource(kind), object, old, now: clock.now() };
      const why = await ledger.ask(namespace, { demand, dryRun, store: reader });
      if (why !== undefined) throw forbidden(request, why);
    },
  };
}

/** What may take more than before: everything that is made, and what can grow. */
function takesMore({ operation, subresource, kind }: AdmissionRequest): boolean {
  if (operation === 'CREATE') return subresource === '';
  if (operation !== 'UPDATE' || kind.group !== '') return false;
  if (kind.resource === 'pods') return subresource === 'resize';
  return subresource === '' && (kind.resource === 'services' || kind.resource === 'persistentvolumeclaims');
}
