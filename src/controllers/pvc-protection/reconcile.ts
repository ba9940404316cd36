import type { Controller, ControllerParts } from '../controller.ts';
import { patchFinalizer } from '../finalizer-patch.ts';
import { FINALIZER, planClaim } from './plan.ts';

/** How soon to look again whether the pods that hold a deleted claim have gone. */
const AGAIN_MS = 1000;

/** Keeps a claim until no pod uses it. */
export function pvcProtectionController({ client, informers }: ControllerParts): Controller {
  return {
    name: 'pvc-protection',
    sources: [{ informer: informers.claims, keyOf: (key) => key }],
    async reconcile(key, signal) {
      await informers.pods.whenSynced(signal);
      const claim = informers.claims.get(key);
      if (claim?.metadata === undefined) return undefined;
      const step = planClaim(claim, informers.pods.byIndex('claim', key).length > 0);
      if (step === undefined) return undefined;
      if (step === 'wait') return { againAfterMs: AGAIN_MS };
      const { namespace = '', name = '' } = claim.metadata;
      const reference = { apiVersion: 'v1', resource: 'persistentvolumeclaims', namespace, name };
      const change = { metadata: claim.metadata, finalizer: FINALIZER, keep: step === 'protect', signal };
      await patchFinalizer(client, reference, change);
      return undefined;
    },
  };
}
