import type { Platform } from '../cli/platform.ts';
import { createConnection } from './connection.ts';
import { examine } from './doctor.ts';
import { takeDown } from './down.ts';
import { prepareGuest } from './guest.ts';
import { HOST_PACKAGES, installPackages, missingPackages } from './host-packages.ts';
import { checkInstanceName, layoutOf } from './instance.ts';
import { importSampleImage } from './sample-image.ts';
import { platformStatus } from './status.ts';
import { createStoreTools } from './store-tools.ts';
import { bringUp } from './up.ts';

/** The platform of one instance on this machine, as the verbs see it. */
export function createPlatform(instance: string): Platform {
  const name = checkInstanceName(instance);
  const layout = layoutOf(name);
  const connect = () => createConnection(layout.kubeconfig);
  return {
    kubeconfig: layout.kubeconfig,
    store: createStoreTools(layout),
    connect,
    up: (options, progress, signal) => bringUp(name, { options, progress, signal }),
    down: (options, progress, signal) => takeDown(name, { ...options, progress, signal }),
    status: () => platformStatus(layout),
    doctor: (signal) => examine(layout, signal),
    missingPackages: () => missingPackages(HOST_PACKAGES),
    installMissingPackages: async (signal) => installPackages(await missingPackages(HOST_PACKAGES), signal),
    prepareGuest: (signal) => prepareGuest(layout, signal),
    importSampleImage: (signal) => importSampleImage(layout, connect, signal),
  };
}
