import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '../api/types.generated.ts';
import type { PreparedVolume } from '../engines/sandbox-spec.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { pathInside } from '../lib/files.ts';
import { writeFilesAtomic } from './atomic-files.ts';
import { makerOf } from './kinds.ts';
import { isMountPoint, isTmpfs, mountTmpfs, unmountBelow } from './mounts.ts';
import type { PodVolumes, VolumeSources, Volumes } from './volumes.ts';

export interface NodeVolumesOptions {
  /** What survives a reboot: `<stateDirectory>/<uid>/<volume>` holds emptyDirs. */
  readonly stateDirectory: string;
  /** Holds the files we write (ConfigMaps, Secrets, tokens); made a tmpfs, mode 0700, if it is not on one. */
  readonly memoryDirectory: string;
  readonly sources: VolumeSources;
  readonly clock: Clock;
}

/** The volumes of a real node. */
export function createNodeVolumes(options: NodeVolumesOptions): Volumes {
  return new NodeVolumes(options);
}

class NodeVolumes implements Volumes {
  readonly #options: NodeVolumesOptions;
  #memoryReady: Promise<void> | undefined;

  constructor(options: NodeVolumesOptions) {
    this.#options = options;
  }

  async prepare(pod: Pod, signal: AbortSignal): Promise<PodVolumes> {
    const made = await Promise.all(
      (pod.spec?.volumes ?? []).map((volume) => this.#make(pod, volume, signal)),
    );
    const refreshes = made.flatMap((one) => (one.refreshAt === undefined ? [] : [one.refreshAt]));
    return {
      volumes: Object.fromEntries(made.map((one) => [one.name, one.place])),
      changed: made.some((one) => one.changed),
      ...(refreshes.length === 0 ? {} : { refreshAt: Math.min(...refreshes) }),
    };
  }

  async teardown(podUid: string, _signal: AbortSignal): Promise<void> {
    for (const root of [this.#options.stateDirectory, this.#options.memoryDirectory]) {
      const directory = pathInside(root, podUid);
      await unmountBelow(directory);
      await rm(directory, { recursive: true, force: true });
    }
  }

  async list(): Promise<readonly string[]> {
    const names = await Promise.all(
      [this.#options.stateDirectory, this.#options.memoryDirectory].map((root) =>
        readdir(root).catch(() => []),
      ),
    );
    return [...new Set(names.flat())];
  }

  async #make(pod: Pod, volume: Volume, signal: AbortSignal): Promise<MadeVolume> {
    const uid = pod.metadata?.uid ?? '';
    try {
      const { clock, sources, stateDirectory, memoryDirectory } = this.#options;
      const diskPath = pathInside(stateDirectory, join(uid, volume.name));
      const made = await makerOf(volume)({ pod, volume, sources, signal, now: clock.now(), diskPath });
      if (made.kind === 'place') return { name: volume.name, place: made.place, changed: false };
      await this.#ensureMemory();
      const path = pathInside(memoryDirectory, join(uid, volume.name));
      const gid = pod.spec?.securityContext?.fsGroup;
      const changed = await writeFilesAtomic(path, made.files, gid === undefined ? {} : { gid });
      const place: PreparedVolume = { kind: 'files', path };
      const { refreshAt } = made;
      return { name: volume.name, place, changed, ...(refreshAt === undefined ? {} : { refreshAt }) };
    } catch (error) {
      throw AmphoraError.during(`MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)}`, error);
    }
  }

  /** Secrets never reach a disk: they are written only once this directory is known to be memory, ours alone. */
  #ensureMemory(): Promise<void> {
    this.#memoryReady ??= this.#makeMemory().catch((error: unknown) => {
      this.#memoryReady = undefined;
      throw error;
    });
    return this.#memoryReady;
  }

  async #makeMemory(): Promise<void> {
    const directory = this.#options.memoryDirectory;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (!(await isTmpfs(directory)) && !(await isMountPoint(directory)))
      await mountTmpfs(directory, undefined);
    await chmod(directory, 0o700);
  }
}

interface MadeVolume {
  readonly name: string;
  readonly place: PreparedVolume;
  readonly changed: boolean;
  readonly refreshAt?: number;
}
