import type { ApiObject, ObjectMeta } from '../api/kind.ts';
import type { ObjectBytes } from './registry.ts';

/** Where every stored object's metadata begins; what stands before it (kind, apiVersion) holds no quotes. */
const METADATA = Buffer.from('"metadata":{');
const LABELS = Buffer.from('"labels":{');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * The bytes that the store holds: kind, apiVersion and metadata first, labels first of all in it (selectors
 * read them without a parse), and no resourceVersion, since the store assigns that only at commit.
 */
export function encodeObject(object: Readonly<ApiObject>): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { labels, ...others } = metadata;
  const first = labels === undefined || Object.keys(labels).length === 0 ? {} : { labels };
  const meta = { ...first, ...others, resourceVersion: undefined };
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: meta, ...rest }));
}

/** Complete JSON: the stored bytes with the revision put in where the metadata begins. */
export function spliceRevision(stored: Buffer, revision: number): Buffer {
  const version = versionMember(revision);
  const json = Buffer.allocUnsafe(stored.length + version.length);
  writeSpliced(stored, version, { target: json, at: 0 });
  return json;
}

function versionMember(revision: number): string {
  return `"resourceVersion":"${revision}",`;
}

function writeSpliced(
  stored: Buffer,
  version: string,
  { target, at }: { readonly target: Buffer; readonly at: number },
): number {
  const start = metadataStart(stored);
  stored.copy(target, at, 0, start);
  const after = at + start + target.write(version, at + start, 'latin1');
  return after + stored.copy(target, after, start);
}

function metadataStart(stored: Buffer): number {
  return stored.indexOf(METADATA) + METADATA.length;
}

/** An {@link ObjectBytes} whose labels are read without parsing the rest. */
export interface SelectableBytes extends ObjectBytes {
  readonly stored: Buffer;
  labels(): Readonly<Record<string, string>>;
}

class StoredBytes implements SelectableBytes {
  readonly stored: Buffer;
  readonly revision: number;
  #json: Buffer | undefined;
  #object: WeakRef<Readonly<ApiObject>> | undefined;
  #labels: Readonly<Record<string, string>> | undefined;

  constructor(stored: Buffer, revision: number) {
    this.stored = stored;
    this.revision = revision;
  }

  get json(): Buffer {
    this.#json ??= spliceRevision(this.stored, this.revision);
    return this.#json;
  }

  get jsonLength(): number {
    return this.stored.length + versionMember(this.revision).length;
  }

  writeJson(target: Buffer, at: number): number {
    return writeSpliced(this.stored, versionMember(this.revision), { target, at });
  }

  object(): Readonly<ApiObject> {
    const known = this.#object?.deref();
    if (known !== undefined) return known;
    // What we encoded ourselves was an ApiObject.
    const object = JSON.parse(this.stored.toString('utf8')) as ApiObject;
    object.metadata.resourceVersion = String(this.revision);
    freeze(object);
    this.#object = new WeakRef(object);
    return object;
  }

  metadata(): Readonly<ObjectMeta> {
    const known = this.#object?.deref();
    if (known !== undefined) return known.metadata;
    const open = metadataStart(this.stored) - 1;
    const text = this.stored.toString('utf8', open, closingBrace(this.stored, open) + 1);
    const metadata = JSON.parse(text) as ObjectMeta; // As in object().
    metadata.resourceVersion = String(this.revision);
    return metadata;
  }

  labels(): Readonly<Record<string, string>> {
    this.#labels ??= labelsOf(this.stored);
    return this.#labels;
  }
}

/** @param revision 0 for what a dry run would have written: it is left out of the JSON. */
export function objectBytes(stored: Buffer, revision: number): SelectableBytes {
  return new StoredBytes(stored, revision);
}

/** One {@link SelectableBytes} for all who are handed the same buffer, so that watchers share one splice and one parse. */
export class SharedBytes {
  readonly #known = new WeakMap<Buffer, WeakRef<SelectableBytes>>();

  of(stored: Buffer, revision: number): SelectableBytes {
    const known = this.#known.get(stored)?.deref();
    if (known?.revision === revision) return known;
    const made = objectBytes(stored, revision);
    this.#known.set(stored, new WeakRef(made));
    return made;
  }
}

function labelsOf(stored: Buffer): Readonly<Record<string, string>> {
  const start = metadataStart(stored);
  if (stored.compare(LABELS, 0, LABELS.length, start, start + LABELS.length) !== 0) return {};
  const open = start + LABELS.length - 1;
  return JSON.parse(stored.toString('utf8', open, closingBrace(stored, open) + 1)) as Record<string, string>;
}

/** Where the object that opens at `open` ends. */
function closingBrace(stored: Buffer, open: number): number {
  let quoted = false;
  let depth = 0;
  for (let at = open; at < stored.length; at++) {
    const byte = stored[at];
    if (quoted && byte === BACKSLASH) at++;
    else if (byte === QUOTE) quoted = !quoted;
    else if (quoted) continue;
    else if (byte === OPENING_BRACE) depth++;
    else if (byte === CLOSING_BRACE && --depth === 0) return at;
  }
  return stored.length;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) freeze(inner);
  Object.freeze(value);
}
