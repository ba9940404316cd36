import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { sha256 } from './blob-store.ts';
import { MEDIA } from './documents.ts';

/** One entry of a layer that is made here. */
export interface LayerEntry {
  readonly path: string;
  /** A file by default. */
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'fifo' | 'character-device' | 'block-device';
  readonly content?: string | Buffer;
  /** 0755 for directories, 0644 for all else. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** What a symbolic or hard link points to. */
  readonly target?: string;
  /** Extra pax records, e.g. `SCHILY.xattr.user.note`. */
  readonly pax?: Readonly<Record<string, string>>;
}

export type Compression = 'none' | 'gzip' | 'zstd';

export interface ImageSource {
  /** Bottom first: entries, or a whole tar. */
  readonly layers: readonly (readonly LayerEntry[] | Buffer)[];
  /** The `config` member, with upstream's own capitals: `Entrypoint`, `Env`, … */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly compression?: Compression;
}

export interface BuiltImage {
  readonly id: string;
  readonly manifest: { readonly mediaType: string; readonly digest: string; readonly size: number };
  /** Digest → content: layers, configuration and manifest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly config: Buffer;
  /** Uncompressed, bottom first. */
  readonly tars: readonly Buffer[];
  readonly architecture: string;
}

/** The time of everything that is made here, so that the same content has the same digests. */
const EPOCH = new Date('2020-01-01T00:00:00Z');

/** Makes an image in memory; without compression its digests depend on nothing but the content. */
export async function buildImage(source: ImageSource): Promise<BuiltImage> {
  const { compression = 'none', architecture = 'amd64' } = source;
  const blobs = new Map<string, Buffer>();
  const tars: Buffer[] = [];
  const layers: Array<{ mediaType: string; digest: string; size: number }> = [];
  for (const entries of source.layers) {
    const tar = Buffer.isBuffer(entries) ? entries : await packTar(entries);
    const data = await compress(tar, compression);
    const mediaType = compression === 'none' ? MEDIA.ociLayer : `${MEDIA.ociLayer}+${compression}`;
    const digest = sha256(data);
    tars.push(tar);
    blobs.set(digest, data);
    layers.push({ mediaType, digest, size: data.length });
  }
  const config = toJson({
    created: EPOCH.toISOString(),
    architecture,
    os: 'linux',
    config: source.config ?? {},
    rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
    history: layers.map(() => ({ created: EPOCH.toISOString(), created_by: 'amphora' })),
  });
  const id = sha256(config);
  const configPart = { mediaType: MEDIA.ociConfig, digest: id, size: config.length };
  const manifest = toJson({ schemaVersion: 2, mediaType: MEDIA.ociManifest, config: configPart, layers });
  const part = { mediaType: MEDIA.ociManifest, digest: sha256(manifest), size: manifest.length };
  blobs.set(id, config);
  blobs.set(part.digest, manifest);
  return { id, manifest: part, blobs, config, tars, architecture };
}

/** The files of an OCI layout, by path: https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
export function ociLayout(
  images: readonly { name: string; image: BuiltImage }[],
): ReadonlyMap<string, Buffer> {
  const manifests = images.map(({ name, image }) => ({
    ...image.manifest,
    platform: { os: 'linux', architecture: image.architecture },
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  const files = new Map<string, Buffer>();
  files.set('oci-layout', toJson({ imageLayoutVersion: '1.0.0' }));
  files.set('index.json', toJson({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests }));
  for (const { image } of images) {
    for (const [digest, data] of image.blobs) files.set(`blobs/sha256/${digest.slice(7)}`, data);
  }
  return files;
}

export async function packFiles(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  return packTar([...files].map(([path, content]) => ({ path, content })));
}

export async function packTar(entries: readonly LayerEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const entry of entries) {
    const { path, type = 'file', uid = 0, gid = 0, target, pax } = entry;
    const mode = entry.mode ?? (type === 'directory' ? 0o755 : 0o644);
    const link = target === undefined ? {} : { linkname: target };
    // The library's types want one shape per kind of entry, and do not know of the `pax` records it writes.
    const header = { name: path, type, mode, uid, gid, mtime: EPOCH, ...link, ...(pax && { pax }) } as Header;
    tar.entry(header, Buffer.from(entry.content ?? ''));
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function compress(data: Buffer, compression: Compression): Promise<Buffer> {
  if (compression === 'gzip') return promisify(gzip)(data);
  return compression === 'zstd' ? promisify(zstdCompress)(data) : data;
}

function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
