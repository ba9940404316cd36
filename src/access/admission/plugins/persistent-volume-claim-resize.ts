import { compareQuantities, parseQuantity } from '../../../api/quantity.ts';
import type { PersistentVolumeClaim } from '../../../api/types.generated.ts';
import type { LiveObjects } from '../../live.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { forbidden } from '../faults.ts';

/** A claim grows only when it is bound and its class lets it. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims */
export function persistentVolumeClaimResize(classes: LiveObjects): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    handles: ({ operation, kind, subresource }) =>
      operation === 'UPDATE' &&
      kind.resource === 'persistentvolumeclaims' &&
      kind.group === '' &&
      subresource === '',
    async validate(request) {
      // The registry conformed both.
      const claim = request.object as unknown as PersistentVolumeClaim;
      const old = request.old as unknown as PersistentVolumeClaim;
      const size = parseQuantity(claim.spec?.resources?.requests?.storage ?? '0');
      const before = parseQuantity(old.spec?.resources?.requests?.storage ?? '0');
      if (compareQuantities(size, before) <= 0) return;
      if (old.status?.phase !== 'Bound')
        throw forbidden(request, 'Only bound persistent volume claims can be expanded');
      const name = claim.spec?.storageClassName ?? '';
      const found = name === '' || name !== old.spec?.storageClassName ? undefined : classes.get('', name);
      if (found?.allowVolumeExpansion !== true)
        throw forbidden(
          request,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        );
    },
  };
}
