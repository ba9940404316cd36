import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { BlobStore, Descriptor } from '../blob-store.ts';
import type { ImageRecord } from '../catalog.ts';
import { choosePlatform, type Manifest, type Platform, parseManifest } from '../documents.ts';
import { forEachLimited } from '../for-each-limited.ts';
import { toRecord } from '../image-record.ts';
import type { PullProgress } from '../images.ts';
import { nameOf, type Reference } from '../reference.ts';
import type { SingleFlight } from '../single-flight.ts';
import { download } from './download.ts';
import type { RegistryClient } from './registry-client.ts';
import { retrying } from './retry.ts';

export interface PullWork {
  readonly reference: Reference;
  readonly client: RegistryClient;
  readonly blobs: BlobStore;
  /** Downloads under way, by digest, shared by all pulls. */
  readonly downloads: SingleFlight<void>;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly onProgress: (progress: PullProgress) => void;
}

/** Brings an image's configuration and layers into the store. Returns what it is, and `name@digest` of what was asked for. */
export async function pullImage(
  work: PullWork,
  signal: AbortSignal,
): Promise<{ record: ImageRecord; digest: string }> {
  const { reference, client, clock } = work;
  const top = await retrying(
    () => client.manifest(reference.digest ?? reference.tag ?? 'latest', signal),
    clock,
    signal,
  );
  const manifest = await resolveManifest(top.data, work, signal);
  await fetchBlob(manifest.config, work, signal);
  const record = toRecord(
    {
      configDigest: manifest.config.digest,
      config: await work.blobs.read(manifest.config.digest),
      layers: manifest.layers,
    },
    work.platform,
  );
  for (const { digest, size } of manifest.layers) {
    work.onProgress({ layer: digest, phase: 'waiting', bytes: 0, totalBytes: size });
  }
  await forEachLimited(manifest.layers, { limit: LIMITS.imagePullParallel, signal }, (layer, shared) =>
    fetchLayer(layer, work, shared),
  );
  return { record, digest: `${nameOf(reference)}@${top.digest}` };
}

/** Goes from an index, through at most one more, to the manifest for the platform. */
async function resolveManifest(data: Buffer, work: PullWork, signal: AbortSignal): Promise<Manifest> {
  let document = parseManifest(data);
  for (let depth = 0; document.kind === 'index'; depth++) {
    if (depth === 3) throw new AmphoraError('Corrupt', 'an index of an index of an index');
    const { digest } = choosePlatform(document.manifests, work.platform);
    const next = await retrying(() => work.client.manifest(digest, signal), work.clock, signal);
    document = parseManifest(next.data);
  }
  if (document.config.size > LIMITS.imageDocumentBytes) {
    throw new AmphoraError('TooLarge', `an image configuration of ${document.config.size} bytes`);
  }
  return document;
}

async function fetchLayer(layer: Descriptor, work: PullWork, signal: AbortSignal): Promise<void> {
  const { digest, size } = layer;
  await fetchBlob(layer, work, signal);
  work.onProgress({ layer: digest, phase: 'done', bytes: size, totalBytes: size });
}

async function fetchBlob(blob: Descriptor, work: PullWork, signal: AbortSignal): Promise<void> {
  const { blobs, client, clock, downloads, onProgress } = work;
  const onBytes = (bytes: number) => {
    onProgress({ layer: blob.digest, phase: 'downloading', bytes, totalBytes: blob.size });
  };
  const fetch = async (shared: AbortSignal) => {
    if (await blobs.has(blob.digest)) return;
    await download(blob, { client, blobs, clock, onBytes }, shared);
  };
  await downloads.run(blob.digest, fetch, signal);
}
