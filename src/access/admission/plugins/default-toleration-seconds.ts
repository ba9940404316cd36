import type { AdmissionPlugin } from '../admission.ts';
import { createsPod } from '../faults.ts';
import { listAt, objectAt, objectsAt } from '../fields.ts';

const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
/** Five minutes, as upstream. */
const SECONDS = 300;

/** A pod that says nothing about a lost node stays bound to it for a while. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: createsPod,
  async mutate(request) {
    const spec = objectAt(request.object, 'spec');
    const own = objectsAt(spec, 'tolerations');
    for (const key of TAINTS) {
      const said = own.some(
        (each) =>
          (each.key === key || (each.key ?? '') === '') &&
          (each.effect === 'NoExecute' || (each.effect ?? '') === ''),
      );
      if (!said)
        listAt(spec, 'tolerations').push({
          key,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: SECONDS,
        });
    }
  },
};
