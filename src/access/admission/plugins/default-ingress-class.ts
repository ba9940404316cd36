import type { LiveObjects } from '../../live.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { defaultClass } from '../default-class.ts';
import { objectAt } from '../fields.ts';

const MARKS = ['ingressclass.kubernetes.io/is-default-class'];
const OLDER_FIELD = 'kubernetes.io/ingress.class';

/** An Ingress that names no class gets the default one. https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class */
export function defaultIngressClass(classes: LiveObjects): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    handles: ({ operation, kind, subresource }) =>
      operation === 'CREATE' &&
      kind.resource === 'ingresses' &&
      kind.group === 'networking.k8s.io' &&
      subresource === '',
    async mutate({ object }) {
      const spec = objectAt(object, 'spec');
      if (spec.ingressClassName !== undefined || object.metadata.annotations?.[OLDER_FIELD] !== undefined)
        return;
      const found = defaultClass(classes.values(), MARKS);
      if (found !== undefined) spec.ingressClassName = found.metadata.name;
    },
  };
}
