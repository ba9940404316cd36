import type { Controller, ControllerParts } from '../controller.ts';
import { patchFinalizer } from '../finalizer-patch.ts';
import { FINALIZER, planVolume } from './plan.ts';

/** Keeps a volume until no claim is bound to it. */
export function pvProtectionController({ client, informers }: ControllerParts): Controller {
  return {
    name: 'pv-protection',
    sources: [{ informer: informers.volumes, keyOf: (key) => key }],
    async reconcile(name, signal) {
      const volume = informers.volumes.get(name);
      const step = volume === undefined ? undefined : planVolume(volume);
      if (volume?.metadata === undefined || step === undefined) return undefined;
      const reference = { apiVersion: 'v1', resource: 'persistentvolumes', name };
      const change = { metadata: volume.metadata, finalizer: FINALIZER, keep: step === 'protect', signal };
      await patchFinalizer(client, reference, change);
      return undefined;
    },
  };
}
