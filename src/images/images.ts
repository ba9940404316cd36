import type { PreparedRoot } from '../engines/sandbox-spec.ts';

/** The image port of the node: content-addressed, shared by all classes. */
export interface Images {
  /**
   * Makes an image present and says which one it is.
   * @throws NotFound, Unauthorized, Unavailable, Corrupt (digest), NotImplemented (no manifest for this architecture),
   * OutOfSpace; BadRequest for a reference that does not parse.
   */
  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<Image>;
  /** The image a reference, an id or a unique id prefix names, if it is present. */
  find(reference: string): Promise<Image | undefined>;
  list(): Promise<readonly Image[]>;
  /** An OCI layout (directory or tar) or a docker archive; `name` is what it is called where the archive names nothing. */
  importArchive(path: string, options: ImportOptions, signal: AbortSignal): Promise<readonly Image[]>;
  /** Removes a name, and content that no name and no running sandbox uses any more. */
  remove(reference: string, signal: AbortSignal): Promise<void>;
  /** The root in the form an engine wants; made once per image and form. */
  prepare(imageId: string, form: PreparedRoot['kind'], signal: AbortSignal): Promise<PreparedRoot>;
  /** Resolves an image config's or pod's user (`1000`, `1000:1000`, `www-data`) against the image's own files. */
  resolveUser(
    imageId: string,
    user: string,
  ): Promise<{ uid: number; gid: number; additionalGids: readonly number[] }>;
  close(): Promise<void>;
}

export interface Image {
  /** `sha256:…` of the image configuration. */
  readonly id: string;
  /** Normalised, as given: `docker.io/library/nginx:1.25`. */
  readonly names: readonly string[];
  /** `name@sha256:…` of the manifests it was pulled by. */
  readonly digests: readonly string[];
  /** Bytes of the compressed layers. */
  readonly sizeBytes: number;
  readonly architecture: string;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ImageConfig;
}

/** The `config` member of an OCI image configuration: https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageConfig {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly stopSignal: string;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface PullOptions {
  readonly policy: 'Always' | 'IfNotPresent' | 'Never';
  /** Tried in order; from image pull secrets. */
  readonly credentials: readonly RegistryCredential[];
  readonly onProgress?: (progress: PullProgress) => void;
}

export interface RegistryCredential {
  /** `registry.example:5000`, or with a path prefix. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

export interface PullProgress {
  readonly layer: string;
  readonly phase: 'waiting' | 'downloading' | 'unpacking' | 'done';
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface ImportOptions {
  readonly name?: string;
  readonly onProgress?: (progress: PullProgress) => void;
}
