import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { planPolicyStatus } from './plan.ts';

/** Says in the status of ValidatingAdmissionPolicies what of their expressions does not fit the types they look at. */
export function policyStatusController({ client, informers, kinds }: ControllerParts): Controller {
  return {
    name: 'policy-status',
    sources: [{ informer: informers.policies, keyOf: (name) => name }],
    async reconcile(name, signal) {
      const policy = informers.policies.get(name);
      const status = policy === undefined ? undefined : planPolicyStatus(policy, kinds);
      if (policy === undefined || status === undefined) return undefined;
      const body = { metadata: { resourceVersion: policy.metadata?.resourceVersion }, status };
      const reference = {
        apiVersion: 'admissionregistration.k8s.io/v1',
        resource: 'validatingadmissionpolicies',
        name,
        subresource: 'status',
      };
      await client.patch(reference, { type: 'merge', body }, { signal }).catch((error: unknown) => {
        // What was read is not the newest: the event of the newer one brings the name again.
        if (!isCode(error, 'Conflict', 'NotFound')) throw error;
      });
      return undefined;
    },
  };
}
