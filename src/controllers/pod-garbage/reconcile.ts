import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { isGarbage } from './plan.ts';

/** Removes pods that nobody is left to end. */
export function podGarbageController({ client, informers }: ControllerParts): Controller {
  return {
    name: 'pod-garbage',
    sources: [{ informer: informers.pods, keyOf: (key) => key }],
    async reconcile(key, signal) {
      await informers.nodes.whenSynced(signal);
      const pod = informers.pods.get(key);
      if (pod === undefined || !isGarbage(pod, informers.nodes.get(pod.spec?.nodeName ?? '') !== undefined))
        return undefined;
      const { name = '', namespace = '', uid } = pod.metadata ?? {};
      const body = { gracePeriodSeconds: 0, preconditions: { uid } };
      await client
        .delete({ apiVersion: 'v1', resource: 'pods', namespace, name }, body, { signal })
        .catch((error) => {
          if (!isCode(error, 'NotFound', 'Conflict')) throw error;
        });
      return undefined;
    },
  };
}
