import { join, resolve } from 'node:path';
import type { Engine } from '../engines/engine.ts';
import { createOciEngine } from '../engines/oci/oci-engine.ts';
import { findGuestKernel } from '../engines/vm/kernel.ts';
import { createVmEngine } from '../engines/vm/vm-engine.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { createCniNetwork } from '../network/cni/cni-network.ts';
import type { Network } from '../network/network.ts';
import type { Layout } from './instance.ts';

/** Where the programs are that `amphora quickstart` and `make` build from `guest/`. */
export interface GuestPrograms {
  readonly directory: string;
  readonly guest: string;
  readonly pause: string;
}

/** A user that no distribution gives out: below `nobody`, above every system account. QEMU runs as it. */
const QEMU_USER = { uid: 64_991, gid: 64_991 };
const CNI_DIRECTORIES = ['/opt/cni/bin', '/usr/lib/cni'];

export function guestPrograms(layout: Layout): GuestPrograms {
  const directory = join(layout.state, 'guest');
  return { directory, guest: join(directory, 'amphora-guest'), pause: join(directory, 'pause') };
}

/** Where the guest kernel is unpacked; shared by what must find it and what puts it there. */
export function kernelDirectory(layout: Layout): string {
  return resolve(layout.state, 'kernels');
}

export interface EngineParts {
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The engines of a real node, in the order they are asked for a class. */
export async function createEngines({ layout, clock, log }: EngineParts): Promise<Engine[]> {
  const programs = guestPrograms(layout);
  const oci = await createOciEngine({
    runtimes: { container: 'runc', gvisor: 'runsc' },
    stateDirectory: join(layout.nodeState, 'oci'),
    runDirectory: join(layout.run, 'oci'),
    pauseProgram: programs.pause,
    cgroupParent: `/${layout.cgroup}`,
    clock,
    log,
  });
  const kernel = await findGuestKernel(kernelDirectory(layout));
  if (kernel === undefined) {
    log.warn({ class: 'microvm' }, 'no guest kernel is unpacked: run amphora quickstart to get one');
    return [oci];
  }
  const vm = createVmEngine({
    stateDirectory: join(layout.nodeState, 'vm'),
    runDirectory: join(layout.run, 'vm'),
    kernel,
    guestBinary: programs.guest,
    user: QEMU_USER,
    clock,
    log,
  });
  return [oci, vm];
}

export async function createNetwork({
  layout,
  podCidr,
  log,
}: {
  layout: Layout;
  podCidr: string;
  log: Logger;
}): Promise<Network> {
  return await createCniNetwork({
    binDirectories: CNI_DIRECTORIES,
    stateDirectory: join(layout.nodeState, 'network'),
    runDirectory: join(layout.run, 'netns'),
    bridge: layout.bridge,
    subnet: podCidr,
    table: layout.cgroup,
    log,
  });
}
