import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  IPAddress,
  ResourceClaimResourceV1,
  ResourceSlice,
  ServiceCIDR,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../types.generated.ts';
import { AGE, type Column, columns, orNone } from './column.ts';

/** Of volumes' drivers, devices and addresses, by `resource.group`. */
export const STORAGE_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  'csidrivers.storage.k8s.io': columns<CSIDriver>(
    { name: 'AttachRequired', type: 'boolean', cell: ({ spec }) => spec.attachRequired ?? true },
    { name: 'PodInfoOnMount', type: 'boolean', cell: ({ spec }) => spec.podInfoOnMount ?? false },
    { name: 'StorageCapacity', type: 'boolean', cell: ({ spec }) => spec.storageCapacity ?? false },
    {
      name: 'TokenRequests',
      cell: ({ spec }) => (spec.tokenRequests ?? []).map(({ audience }) => audience).join(',') || '<unset>',
    },
    { name: 'RequiresRepublish', type: 'boolean', cell: ({ spec }) => spec.requiresRepublish ?? false },
    { name: 'Modes', cell: ({ spec }) => orNone((spec.volumeLifecycleModes ?? []).join(',')) },
    AGE,
  ),
  'csinodes.storage.k8s.io': columns<CSINode>(
    { name: 'Drivers', type: 'integer', cell: ({ spec }) => spec.drivers?.length ?? 0 },
    AGE,
  ),
  'csistoragecapacities.storage.k8s.io': columns<CSIStorageCapacity>(
    { name: 'StorageClassName', cell: ({ storageClassName }) => storageClassName },
    { name: 'Capacity', cell: ({ capacity }) => capacity ?? '<unset>' },
  ),
  'volumeattachments.storage.k8s.io': columns<VolumeAttachment>(
    { name: 'Attacher', cell: ({ spec }) => spec.attacher },
    { name: 'PV', cell: ({ spec }) => spec.source.persistentVolumeName ?? '' },
    { name: 'Node', cell: ({ spec }) => spec.nodeName },
    { name: 'Attached', type: 'boolean', cell: ({ status }) => status?.attached ?? false },
    AGE,
  ),
  'volumeattributesclasses.storage.k8s.io': columns<VolumeAttributesClass>(
    { name: 'DriverName', cell: ({ driverName }) => driverName },
    AGE,
  ),
  'ipaddresses.networking.k8s.io': columns<IPAddress>(
    {
      name: 'ParentRef',
      cell: ({ spec }) => {
        const { group = '', resource = '', namespace = '', name = '' } = spec?.parentRef ?? {};
        const what = group === '' ? resource : `${resource}.${group}`;
        return [what, ...(namespace === '' ? [] : [namespace]), name].join('/');
      },
    },
    AGE,
  ),
  'servicecidrs.networking.k8s.io': columns<ServiceCIDR>(
    { name: 'CIDRs', cell: ({ spec }) => (spec?.cidrs ?? []).join(',') },
    AGE,
  ),
  'deviceclasses.resource.k8s.io': columns(AGE),
  'resourceclaimtemplates.resource.k8s.io': columns(AGE),
  'resourceclaims.resource.k8s.io': columns<ResourceClaimResourceV1>(
    { name: 'State', cell: claimState },
    AGE,
  ),
  'resourceslices.resource.k8s.io': columns<ResourceSlice>(
    { name: 'Node', cell: ({ spec }) => spec.nodeName ?? '' },
    { name: 'Driver', cell: ({ spec }) => spec.driver },
    { name: 'Pool', cell: ({ spec }) => spec.pool.name },
    AGE,
  ),
};

function claimState({ metadata, status }: ResourceClaimResourceV1): string {
  const states = [
    ...(metadata?.deletionTimestamp === undefined ? [] : ['deleted']),
    ...(status?.allocation === undefined ? [] : ['allocated']),
    ...((status?.reservedFor ?? []).length === 0 ? [] : ['reserved']),
  ];
  return states.length === 0 ? 'pending' : states.join(',');
}
