import { MIB } from '../../lib/limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { BLOCK, decodeHeader, decodePax, type TarHeader } from './tar-header.ts';
import { UnpackError } from './unpack-error.ts';

/** Names and link targets are bytes in a latin1 string. */
export interface TarEntry {
  readonly kind: 'file' | 'directory' | 'link' | 'symlink' | 'fifo' | 'device';
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

const EXTENSION_BYTES = MIB;
const PATH_BYTES = 4096;
const MAX_ID = 0xffff_fffe;
const XATTR_PREFIX = 'SCHILY.xattr.';

const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
};

/**
 * The entries of a tar archive, with pax and GNU extensions; own code because tar-stream, used for writing, decodes
 * attribute values and names as UTF-8 and so breaks `security.capability`, and hands on sparse files as if they
 * were whole. `use` must be called for the data of a file before the next entry is asked for.
 */
export function* readTar(reader: ByteReader): Generator<TarEntry> {
  let global = new Map<string, Buffer>();
  for (;;) {
    const { header, extensions } = readHeaders(reader, global);
    global = extensions.global;
    if (header === undefined) break;
    const entry = toEntry(header, extensions);
    yield entry;
    skipPadding(reader, entry.size);
  }
  reader.drain();
}

interface Extensions {
  readonly global: Map<string, Buffer>;
  readonly pax: ReadonlyMap<string, Buffer>;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

/** The next real header with what the extension headers before it say; no header at the end of the archive. */
function readHeaders(
  reader: ByteReader,
  before: Map<string, Buffer>,
): { header: TarHeader | undefined; extensions: Extensions } {
  let global = before;
  let pax = new Map<string, Buffer>();
  let longName: string | undefined;
  let longLink: string | undefined;
  for (let count = 0; count < 16; count++) {
    const block = reader.exactly(BLOCK);
    const header = block === undefined ? undefined : decodeHeader(block);
    const extensions = { global, pax: new Map([...global, ...pax]), longName, longLink };
    if (header === undefined) return { header, extensions };
    if (header.type === 'g') global = new Map([...global, ...decodePax(extension(reader, header))]);
    else if (header.type === 'x') pax = decodePax(extension(reader, header));
    else if (header.type === 'L') longName = untilNul(extension(reader, header));
    else if (header.type === 'K') longLink = untilNul(extension(reader, header));
    else return { header, extensions };
  }
  throw new UnpackError('Corrupt', 'too many extension headers before one entry');
}

function extension(reader: ByteReader, header: TarHeader): Buffer {
  if (header.size < 0 || header.size > EXTENSION_BYTES) {
    throw new UnpackError('TooLarge', `an extension header of ${header.size} bytes`);
  }
  const data = header.size === 0 ? Buffer.alloc(0) : reader.exactly(header.size);
  if (data === undefined) throw new UnpackError('Corrupt', 'the archive ends in the middle of an entry');
  skipPadding(reader, header.size);
  return data;
}

function toEntry(header: TarHeader, extensions: Extensions): TarEntry {
  const { pax } = extensions;
  const name = pax.get('path')?.toString('latin1') ?? extensions.longName ?? header.name;
  const linkName = pax.get('linkpath')?.toString('latin1') ?? extensions.longLink ?? header.linkName;
  if (
    name.length > PATH_BYTES ||
    linkName.length > PATH_BYTES ||
    name.includes('\0') ||
    linkName.includes('\0')
  ) {
    throw new UnpackError('Corrupt', `an entry's path is malformed or longer than ${PATH_BYTES} bytes`);
  }
  const isSparse = header.type === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'));
  if (isSparse) {
    throw new UnpackError(
      'NotImplemented',
      `${JSON.stringify(name)} is a sparse file: make the layer without --sparse`,
    );
  }
  const kind = KINDS[header.type];
  if (kind === undefined) {
    throw new UnpackError(
      'NotImplemented',
      `${JSON.stringify(name)} is of the unknown type ${JSON.stringify(header.type)}`,
    );
  }
  const size = paxNumber(pax, 'size') ?? header.size;
  const hasData = kind === 'file';
  if (size < 0 || !Number.isSafeInteger(size))
    throw new UnpackError('Corrupt', `size of ${JSON.stringify(name)}`);
  return {
    kind: kind === 'file' && name.endsWith('/') ? 'directory' : kind,
    name,
    linkName,
    mode: header.mode & 0o7777,
    uid: id(paxNumber(pax, 'uid') ?? header.uid),
    gid: id(paxNumber(pax, 'gid') ?? header.gid),
    size: hasData ? size : 0,
    mtime: mtime(pax, header),
    xattrs: xattrs(pax),
  };
}

function xattrs(pax: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const [key, value] of pax) {
    if (key.startsWith(XATTR_PREFIX)) found.set(key.slice(XATTR_PREFIX.length), value);
  }
  return found;
}

function paxNumber(pax: ReadonlyMap<string, Buffer>, key: string): number | undefined {
  const value = pax.get(key)?.toString('latin1');
  if (value === undefined) return undefined;
  if (!/^\d{1,16}$/.test(value))
    throw new UnpackError('Corrupt', `pax ${key} ${JSON.stringify(value)} is no number`);
  return Number(value);
}

function mtime(pax: ReadonlyMap<string, Buffer>, header: TarHeader): bigint {
  const value = pax.get('mtime')?.toString('latin1');
  const seconds = value ?? String(header.mtimeSeconds);
  const match = /^(-?)(\d{1,10})(?:\.(\d*))?$/.exec(seconds);
  if (match === null)
    throw new UnpackError('Corrupt', `a modification time ${JSON.stringify(seconds)} is malformed`);
  const [, sign, whole = '0', fraction = ''] = match;
  const nanoseconds = BigInt(whole) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -nanoseconds : nanoseconds;
}

function id(value: number): number {
  if (value < 0 || value > MAX_ID) throw new UnpackError('Corrupt', `${value} is no user or group id`);
  return value;
}

function untilNul(data: Buffer): string {
  const end = data.indexOf(0);
  return data.toString('latin1', 0, end < 0 ? data.length : end);
}

function skipPadding(reader: ByteReader, size: number): void {
  const padding = (BLOCK - (size % BLOCK)) % BLOCK;
  reader.each(padding, () => {});
}
