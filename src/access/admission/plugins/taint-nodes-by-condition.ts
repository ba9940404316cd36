import type { AdmissionPlugin } from '../admission.ts';
import { listAt, objectAt, objectsAt } from '../fields.ts';

const KEY = 'node.kubernetes.io/not-ready';
const EFFECT = 'NoSchedule';

/** A new node gets no pods before it has said that it is ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && kind.resource === 'nodes' && kind.group === '' && subresource === '',
  async mutate({ object }) {
    const spec = objectAt(object, 'spec');
    if (objectsAt(spec, 'taints').some(({ key, effect }) => key === KEY && effect === EFFECT)) return;
    listAt(spec, 'taints').push({ key: KEY, effect: EFFECT });
  },
};
