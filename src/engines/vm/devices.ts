import { AmphoraError } from '../../lib/errors.ts';
import type { SandboxSpec } from '../sandbox-spec.ts';
import { type DeviceNames, SCRATCH_SERIAL } from './messages.ts';
import { DEVICE_SLOTS, type MachineSpec } from './qemu.ts';

export interface Devices {
  readonly names: DeviceNames;
  readonly disks: MachineSpec['disks'];
  readonly shares: readonly { readonly tag: string; readonly path: string }[];
}

/**
 * Gives every image and shared directory of a sandbox a device; containers of one image share its disk.
 * @throws NotImplemented for what no microVM can do, Invalid when there are more devices than places for them.
 */
export function planDevices(spec: SandboxSpec, scratchDisk: string): Devices {
  refuseUnsupported(spec);
  const serials = new Map<string, string>();
  const roots: Record<string, string> = {};
  const formats: Record<string, string> = {};
  const disks = [{ path: scratchDisk, serial: SCRATCH_SERIAL, readOnly: false }];
  for (const [container, root] of Object.entries(spec.roots)) {
    if (root.kind !== 'block')
      throw new AmphoraError(
        'NotImplemented',
        `container ${container}: a microVM needs its image as a block device`,
      );
    const serial = serials.get(root.path) ?? `image${serials.size}`;
    if (!serials.has(root.path)) disks.push({ path: root.path, serial, readOnly: true });
    serials.set(root.path, serial);
    roots[container] = serial;
    formats[serial] = root.format;
  }
  const shares: { tag: string; path: string }[] = [];
  const tags: Record<string, string> = {};
  for (const [name, volume] of Object.entries(spec.volumes)) {
    if (volume.kind !== 'directory') continue;
    const tag = `share${shares.length}`;
    shares.push({ tag, path: volume.path });
    tags[name] = tag;
  }
  if (disks.length + shares.length + 1 > DEVICE_SLOTS)
    throw new AmphoraError(
      'Invalid',
      `a microVM has places for ${DEVICE_SLOTS - 2} images and shared directories together, this pod has ${disks.length - 1 + shares.length}: use another runtime class or fewer hostPath volumes`,
    );
  return { names: { roots, formats, shares: tags }, disks, shares };
}

/** Pod fields no microVM can honour; `fingerprint` names them so that admission refuses them earlier. */
export const UNSUPPORTED = [
  'spec.hostNetwork',
  'spec.hostPID',
  'spec.hostIPC',
  'spec.containers.volumeMounts.mountPropagation',
] as const;

function refuseUnsupported(spec: SandboxSpec): void {
  const refused = [
    spec.network.kind === 'host' && 'spec.hostNetwork',
    spec.hostPid && 'spec.hostPID',
    spec.hostIpc && 'spec.hostIPC',
  ].filter((field) => field !== false);
  if (refused.length > 0)
    throw new AmphoraError(
      'NotImplemented',
      `a microVM has a kernel of its own and cannot share the host's: ${refused.join(', ')}`,
    );
}
