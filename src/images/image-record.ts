import { AmphoraError } from '../lib/errors.ts';
import type { Descriptor } from './blob-store.ts';
import type { ImageRecord } from './catalog.ts';
import { noPlatform, type Platform, parseImageDocument } from './documents.ts';

export interface ImageParts {
  readonly configDigest: string;
  readonly config: Buffer;
  readonly layers: readonly Descriptor[];
}

/**
 * Puts together what is known of an image.
 * @throws Corrupt when its parts do not fit, NotImplemented when it is made for another machine.
 */
export function toRecord(parts: ImageParts, wanted: Platform): ImageRecord {
  const document = parseImageDocument(parts.config);
  const { platform, diffIds } = document;
  const isOurs =
    (platform.os === '' || platform.os === wanted.os) &&
    (platform.architecture === '' || platform.architecture === wanted.architecture);
  if (diffIds.length !== parts.layers.length) {
    const found = `${diffIds.length} diff_ids for ${parts.layers.length} layers`;
    throw new AmphoraError('Corrupt', `${parts.configDigest} is no image configuration that fits: ${found}`);
  }
  if (!isOurs) throw noPlatform(wanted, [platform]);
  return {
    id: parts.configDigest,
    layers: parts.layers.map(({ digest, size }, index) => ({ digest, size, diffId: diffIds[index] ?? '' })),
    architecture: platform.architecture || wanted.architecture,
    created: document.created,
    config: document.config,
  };
}
