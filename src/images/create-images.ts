import type { PreparedRoot } from '../engines/sandbox-spec.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { readArchive } from './archive.ts';
import { BlobStore } from './blob-store.ts';
import { BlockStore } from './block-store.ts';
import { Catalog, type ImageRecord } from './catalog.ts';
import { ContentLease } from './content-lease.ts';
import type { Platform } from './documents.ts';
import type { Image, Images, ImportOptions, PullOptions } from './images.ts';
import { chainIds, LayerStore } from './layer-store.ts';
import { MergedView } from './merged-view.ts';
import { formatReference, parseReference } from './reference.ts';
import { pullImage } from './registry/pull.ts';
import { RegistryClient, type RegistryConfig } from './registry/registry-client.ts';
import { SingleFlight } from './single-flight.ts';
import { recoverStore, storePaths } from './store-paths.ts';
import type { UnpackerConfig } from './unpack/unpacker.ts';
import { type ResolvedUser, resolveUser } from './users.ts';

export interface ImagesOptions {
  /** State that survives a reboot; only this process uses it. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Registries that need something said about them; others are spoken to with the defaults. */
  readonly registries?: readonly RegistryConfig[];
  /** What images must be made for; this machine by default. */
  readonly platform?: Platform;
  /** Ids of the images that sandboxes run on; their content is kept. */
  readonly inUse?: () => Promise<Iterable<string>>;
  readonly unpacker?: UnpackerConfig;
  /** Program and arguments that start `merge-child`, where it is not run from source. */
  readonly mergeCommand?: readonly [string, ...string[]];
}

/** A user that no distribution gives out: below `nobody`, above every system account. */
const UNPACK_USER: UnpackerConfig = { uid: 64_990, gid: 64_990 };

/** The node's image store. It opens its directory on first use. */
export function createImages(options: ImagesOptions): Images {
  return new NodeImages(options);
}

class NodeImages implements Images {
  readonly #options: ImagesOptions;
  readonly #platform: Platform;
  readonly #unpacker: UnpackerConfig;
  readonly #blobs: BlobStore;
  readonly #layers: LayerStore;
  readonly #blocks: BlockStore;
  readonly #catalog: Catalog;
  readonly #lease = new ContentLease();
  readonly #downloads = new SingleFlight<void>();
  readonly #closed = new AbortController();
  #opening: Promise<void> | undefined;

  constructor(options: ImagesOptions) {
    const paths = storePaths(options.directory);
    this.#options = options;
    this.#platform = options.platform ?? { os: 'linux', architecture: goArchitecture() };
    this.#unpacker = options.unpacker ?? UNPACK_USER;
    this.#blobs = new BlobStore(paths);
    this.#layers = new LayerStore(paths, { blobs: this.#blobs, unpacker: this.#unpacker });
    const command = options.mergeCommand;
    this.#blocks = new BlockStore(paths, {
      blobs: this.#blobs,
      ...(command === undefined ? {} : { command }),
    });
    this.#catalog = new Catalog(paths);
  }

  async pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<Image> {
    await this.#open();
    const parsed = parseReference(reference);
    const present = this.#catalog.find(formatReference(parsed));
    if (present !== undefined && options.policy !== 'Always') return this.#catalog.image(present);
    if (options.policy === 'Never') {
      const message = `image ${reference} is not present and its pull policy is Never: import it, or change the policy`;
      throw new AmphoraError('NotFound', message);
    }
    const client = new RegistryClient({
      reference: parsed,
      registries: this.#options.registries ?? [],
      credentials: options.credentials,
    });
    try {
      return await this.#lease.hold(async () => {
        const { record, digest } = await pullImage(
          {
            reference: parsed,
            client,
            blobs: this.#blobs,
            downloads: this.#downloads,
            platform: this.#platform,
            clock: this.#options.clock,
            onProgress: options.onProgress ?? (() => {}),
          },
          this.#until(signal),
        );
        return this.#add(record, [formatReference(parsed), digest]);
      });
    } catch (error) {
      signal.throwIfAborted();
      throw AmphoraError.during(`pulling ${formatReference(parsed)}`, error);
    } finally {
      client.close();
    }
  }

  async find(reference: string): Promise<Image | undefined> {
    await this.#open();
    const id = this.#catalog.find(reference);
    return id === undefined ? undefined : this.#catalog.image(id);
  }

  async list(): Promise<readonly Image[]> {
    await this.#open();
    return this.#catalog.records().map(({ id }) => this.#catalog.image(id));
  }

  async importArchive(path: string, options: ImportOptions, signal: AbortSignal): Promise<readonly Image[]> {
    await this.#open();
    const given = options.name === undefined ? undefined : formatReference(parseReference(options.name));
    const work = {
      blobs: this.#blobs,
      unpacker: this.#unpacker,
      platform: this.#platform,
      onProgress: options.onProgress ?? (() => {}),
    };
    try {
      return await this.#lease.hold(async () => {
        const images: Image[] = [];
        for (const { record, names } of await readArchive(path, work, this.#until(signal))) {
          const own = names.map((name) => formatReference(parseReference(name)));
          const references = own.length === 0 && given !== undefined ? [given] : own;
          if (references.length === 0) {
            throw new AmphoraError('BadRequest', 'the archive names no image: say what it is called');
          }
          images.push(await this.#add(record, references));
        }
        return images;
      });
    } catch (error) {
      signal.throwIfAborted();
      throw AmphoraError.during(`importing ${path}`, error);
    }
  }

  async remove(reference: string, signal: AbortSignal): Promise<void> {
    await this.#open();
    signal.throwIfAborted();
    const id = this.#catalog.find(reference);
    if (id === undefined) throw new AmphoraError('NotFound', `image ${reference} is not present`);
    await this.#catalog.removeReference(reference, id);
    this.#options.log.info({ image: id, reference }, 'image name removed');
    await this.#lease.collect(() => this.#collect());
  }

  async prepare(imageId: string, form: PreparedRoot['kind'], signal: AbortSignal): Promise<PreparedRoot> {
    await this.#open();
    const record = this.#catalog.record(imageId);
    const until = this.#until(signal);
    return this.#lease.hold(async () => {
      const directories = await this.#layers.ensure(record, until);
      if (form === 'layers') return { kind: 'layers', imageId, directories };
      const chain = chainIds(record).at(-1);
      if (chain === undefined) throw new AmphoraError('Corrupt', `image ${imageId} has no layers`);
      const path = await this.#blocks.ensure(chain, directories, until);
      return { kind: 'block', imageId, path, format: 'erofs' };
    });
  }

  async resolveUser(imageId: string, user: string): Promise<ResolvedUser> {
    await this.#open();
    const record = this.#catalog.record(imageId);
    return this.#lease.hold(async () => {
      const directories = await this.#layers.ensure(record, this.#closed.signal);
      return resolveUser(new MergedView(directories), user);
    });
  }

  async close(): Promise<void> {
    this.#closed.abort(new AmphoraError('Canceled', 'the image store is being closed'));
    await this.#opening?.catch(() => {});
  }

  async #open(): Promise<void> {
    this.#closed.signal.throwIfAborted();
    this.#opening ??= recoverStore(storePaths(this.#options.directory))
      .then(() => this.#catalog.load())
      .catch((error: unknown) => {
        this.#opening = undefined;
        throw AmphoraError.during(`opening the image store ${this.#options.directory}`, error);
      });
    await this.#opening;
  }

  async #add(record: ImageRecord, references: readonly string[]): Promise<Image> {
    await this.#catalog.add(record, references);
    this.#options.log.info({ image: record.id, references }, 'image present');
    return this.#catalog.image(record.id);
  }

  /** Removes images that have no name and run nothing, and then all content that no image needs. */
  async #collect(): Promise<void> {
    const inUse = new Set(await this.#options.inUse?.());
    for (const { id } of this.#catalog.records()) {
      if (!this.#catalog.isReferenced(id) && !inUse.has(id)) await this.#catalog.forget(id);
    }
    const records = this.#catalog.records();
    await this.#blobs.keepOnly(
      new Set(records.flatMap(({ id, layers }) => [id, ...layers.map(({ digest }) => digest)])),
    );
    const chains = new Set(records.flatMap(chainIds));
    await this.#layers.keepOnly(chains);
    await this.#blocks.keepOnly(chains);
  }

  #until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closed.signal]);
  }
}

/** Go's name for this machine, which is what images use. */
function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
