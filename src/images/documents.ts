import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Descriptor } from './blob-store.ts';
import type { ImageConfig } from './images.ts';
import { isDigest } from './reference.ts';

export const MEDIA = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

export interface Platform {
  readonly os: string;
  /** GOARCH: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly variant?: string;
}

/** https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface Index {
  readonly kind: 'index';
  readonly manifests: readonly IndexEntry[];
}

export interface IndexEntry extends Descriptor {
  readonly platform: Platform | undefined;
  /** `org.opencontainers.image.ref.name` and others. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export interface Manifest {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageDocument {
  readonly platform: Platform;
  readonly created: string;
  readonly diffIds: readonly string[];
  readonly config: ImageConfig;
}

type Json = Record<string, unknown>;

/** @throws Corrupt; NotImplemented for the long dead schema 1 and for what is no image. */
export function parseManifest(data: Buffer): Index | Manifest {
  const document = parseObject(data, 'manifest');
  if (document.schemaVersion === 1) {
    throw new AmphoraError(
      'NotImplemented',
      'a manifest of schema version 1: push the image again with a newer tool',
    );
  }
  if (Array.isArray(document.manifests)) {
    return { kind: 'index', manifests: objects(document.manifests).map(toIndexEntry) };
  }
  if (document.config === undefined) throw corrupt('a manifest has neither config nor manifests');
  const layers = objects(document.layers).map(toDescriptor);
  if (layers.length > LIMITS.imageLayers)
    throw new AmphoraError('TooLarge', `an image of ${layers.length} layers`);
  for (const layer of layers) {
    if (layer.size > LIMITS.imageLayerBytes)
      throw new AmphoraError('TooLarge', `a layer of ${layer.size} bytes`);
  }
  return { kind: 'manifest', config: toDescriptor(object(document.config)), layers };
}

/** @throws Corrupt */
export function parseImageDocument(data: Buffer): ImageDocument {
  const document = parseObject(data, 'image configuration');
  const rootfs = object(document.rootfs ?? {});
  const diffIds = strings(rootfs.diff_ids);
  if (!diffIds.every(isDigest)) throw corrupt('an image configuration lists a malformed diff_id');
  const config = object(document.config ?? {});
  return {
    platform: toPlatform(document),
    created: typeof document.created === 'string' ? document.created : '1970-01-01T00:00:00Z',
    diffIds,
    config: {
      user: text(config.User),
      env: strings(config.Env),
      entrypoint: strings(config.Entrypoint),
      cmd: strings(config.Cmd),
      workingDir: text(config.WorkingDir),
      stopSignal: text(config.StopSignal),
      exposedPorts: Object.keys(object(config.ExposedPorts ?? {})),
      volumes: Object.keys(object(config.Volumes ?? {})),
      labels: stringMap(config.Labels),
    },
  };
}

/**
 * The entry for this platform; the same variant is preferred, none is taken otherwise.
 * @throws NotImplemented naming the platforms there are.
 */
export function choosePlatform(entries: readonly IndexEntry[], wanted: Platform): IndexEntry {
  const fitting = entries.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  );
  const chosen =
    fitting.find(({ platform }) => platform?.variant === wanted.variant) ??
    fitting[0] ??
    (entries.length === 1 ? entries.find(({ platform }) => platform === undefined) : undefined);
  if (chosen !== undefined) return chosen;
  throw noPlatform(
    wanted,
    entries.flatMap(({ platform }) => (platform === undefined ? [] : [platform])),
  );
}

export function noPlatform(wanted: Platform, present: readonly Platform[]): AmphoraError {
  const names = [...new Set(present.map(formatPlatform))].filter((name) => !name.startsWith('unknown'));
  const there = names.length === 0 ? 'no platform at all' : names.join(', ');
  return new AmphoraError(
    'NotImplemented',
    `the image is not made for ${formatPlatform(wanted)} but for ${there}: choose another image, or run it on such a machine`,
  );
}

export function formatPlatform(platform: Platform): string {
  return [
    platform.os,
    platform.architecture,
    ...(platform.variant === undefined ? [] : [platform.variant]),
  ].join('/');
}

export function parseObject(data: Buffer, what: string): Json {
  try {
    return object(JSON.parse(data.toString('utf8')));
  } catch (error) {
    throw new AmphoraError('Corrupt', `a ${what} is no JSON object`, { cause: error });
  }
}

export function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw corrupt('an object is missing in it');
  return value as Json; // Every member is unknown, so nothing is assumed.
}

export function objects(value: unknown): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw corrupt('a list is missing in it');
  return value.map(object);
}

export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function toDescriptor(value: Json): Descriptor {
  const { digest, size } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw corrupt(`a descriptor has the digest ${JSON.stringify(digest)}; only sha256 is known`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw corrupt('a descriptor has no size');
  return { digest, size };
}

function toIndexEntry(value: Json): IndexEntry {
  return {
    ...toDescriptor(value),
    platform: value.platform === undefined ? undefined : toPlatform(object(value.platform)),
    annotations: stringMap(value.annotations),
  };
}

function toPlatform(value: Json): Platform {
  const variant = text(value.variant);
  return {
    os: text(value.os),
    architecture: text(value.architecture),
    ...(variant === '' ? {} : { variant }),
  };
}

function stringMap(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one === 'string'));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function corrupt(message: string): AmphoraError {
  return new AmphoraError('Corrupt', message);
}
