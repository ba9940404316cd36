import { qualifiedResource } from '../../../api/kind.ts';
import type { AdmissionPlugin } from '../admission.ts';

const FINALIZERS: Readonly<Record<string, string>> = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
};

/** Claims and volumes stay until nobody uses them; the controllers of the same name take the finalizers off. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && subresource === '' && Object.hasOwn(FINALIZERS, qualifiedResource(kind)),
  async mutate({ object, kind }) {
    const finalizer = FINALIZERS[qualifiedResource(kind)];
    const { finalizers = [] } = object.metadata;
    if (finalizer !== undefined && !finalizers.includes(finalizer))
      object.metadata.finalizers = [...finalizers, finalizer];
  },
};
