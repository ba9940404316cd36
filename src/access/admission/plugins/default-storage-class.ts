import type { LiveObjects } from '../../live.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { defaultClass } from '../default-class.ts';
import { objectAt } from '../fields.ts';

const MARKS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const OLDER_FIELD = 'volume.beta.kubernetes.io/storage-class';

/** A claim that names no class gets the default one. https://kubernetes.io/docs/concepts/storage/storage-classes/#default-storageclass */
export function defaultStorageClass(classes: LiveObjects): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: ({ operation, kind, subresource }) =>
      operation === 'CREATE' &&
      kind.resource === 'persistentvolumeclaims' &&
      kind.group === '' &&
      subresource === '',
    async mutate({ object }) {
      const spec = objectAt(object, 'spec');
      if (spec.storageClassName !== undefined || object.metadata.annotations?.[OLDER_FIELD] !== undefined)
        return;
      const found = defaultClass(classes.values(), MARKS);
      if (found !== undefined) spec.storageClassName = found.metadata.name;
    },
  };
}
