import type { Pod, Volume } from '../api/types.generated.ts';
import type { PreparedVolume } from '../engines/sandbox-spec.ts';
import type { VolumeFile } from './atomic-files.ts';
import type { VolumeSources } from './volumes.ts';

export interface KindContext {
  readonly pod: Pod;
  readonly volume: Volume;
  readonly sources: VolumeSources;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Where a directory of this volume on the disk belongs. */
  readonly diskPath: string;
}

/** What a kind makes: a place, or files for us to write. */
export type Made =
  | { readonly kind: 'place'; readonly place: PreparedVolume }
  | { readonly kind: 'files'; readonly files: readonly VolumeFile[]; readonly refreshAt?: number };

export type VolumeMaker = (context: KindContext) => Promise<Made>;
