import { AmphoraError } from '../lib/errors.ts';

/** Where an image is: `registry/repository`, and a tag, a digest or both. */
export interface Reference {
  /** `docker.io`, `registry.example:5000`. */
  readonly registry: string;
  /** `library/nginx`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…`; wins over the tag. */
  readonly digest: string | undefined;
}

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const REGISTRY = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d{1,5})?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_NAME = 255;

/**
 * Parses `[registry/]repository[:tag][@digest]` as Docker does: without a registry it is `docker.io`, whose one-word
 * repositories are in `library/`, and with neither tag nor digest the tag is `latest`.
 * https://pkg.go.dev/github.com/distribution/reference
 * @throws BadRequest
 */
export function parseReference(text: string): Reference {
  const [beforeDigest = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw malformed(text, 'it has more than one @');
  if (digest !== undefined && !DIGEST.test(digest))
    throw malformed(text, 'its digest is not sha256: and 64 digits');
  const { path, tag } = splitTag(beforeDigest);
  if (tag !== undefined && !TAG.test(tag))
    throw malformed(text, `its tag ${JSON.stringify(tag)} is not allowed`);
  const { registry, repository } = splitRegistry(path);
  if (!REGISTRY.test(registry)) throw malformed(text, `${JSON.stringify(registry)} is no registry`);
  if (/[A-Z]/.test(repository)) throw malformed(text, 'a repository is in lower case');
  if (!REPOSITORY.test(repository))
    throw malformed(text, 'its repository is empty or has a letter that is not allowed');
  if (registry.length + repository.length + 1 > MAX_NAME)
    throw malformed(text, `its name exceeds ${MAX_NAME} letters`);
  return { registry, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** `docker.io/library/nginx` */
export function nameOf(reference: Reference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The normal form that is stored and shown: `docker.io/library/nginx:1.25`, or `…@sha256:…` when there is a digest. */
export function formatReference(reference: Reference): string {
  const name = nameOf(reference);
  return reference.digest === undefined
    ? `${name}:${reference.tag ?? 'latest'}`
    : `${name}@${reference.digest}`;
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

function splitTag(text: string): { path: string; tag: string | undefined } {
  const colon = text.lastIndexOf(':');
  if (colon <= text.lastIndexOf('/')) return { path: text, tag: undefined };
  return { path: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function splitRegistry(path: string): { registry: string; repository: string } {
  const slash = path.indexOf('/');
  const first = path.slice(0, Math.max(slash, 0));
  const isRegistry = /[.:A-Z]/.test(first) || first === 'localhost';
  if (!isRegistry) return dockerHub(path);
  const repository = path.slice(slash + 1);
  return first === 'docker.io' || first === 'index.docker.io'
    ? dockerHub(repository)
    : { registry: first, repository };
}

function dockerHub(path: string): { registry: string; repository: string } {
  return { registry: 'docker.io', repository: path.includes('/') ? path : `library/${path}` };
}

function malformed(text: string, why: string): AmphoraError {
  const shown = JSON.stringify(text.slice(0, 300));
  return new AmphoraError(
    'BadRequest',
    `image reference ${shown} is malformed: ${why}; write it as registry/repository:tag`,
  );
}
