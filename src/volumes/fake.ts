import type { Pod } from '../api/types.generated.ts';
import { makerOf } from './kinds.ts';
import type { PodVolumes, Volumes } from './volumes.ts';

/** Volumes without a machine: every supported kind becomes a directory that nobody made. */
export function createFakeVolumes(): Volumes {
  const pods = new Set<string>();
  return {
    async prepare(pod: Pod): Promise<PodVolumes> {
      const uid = pod.metadata?.uid ?? '';
      const volumes = pod.spec?.volumes ?? [];
      for (const volume of volumes) makerOf(volume);
      pods.add(uid);
      return {
        volumes: Object.fromEntries(
          volumes.map(({ name }) => [name, { kind: 'directory', path: `/fake/${uid}/${name}` }]),
        ),
        changed: false,
      };
    },
    async teardown(podUid: string): Promise<void> {
      pods.delete(podUid);
    },
    async list(): Promise<readonly string[]> {
      return [...pods];
    },
  };
}
