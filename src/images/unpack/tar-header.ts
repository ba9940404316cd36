import { UnpackError } from './unpack-error.ts';

export const BLOCK = 512;

/** One header block, undecorated. Names are bytes held in a latin1 string: tar says nothing of their encoding. */
export interface TarHeader {
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
}

/**
 * Decodes a block of the ustar, pre-POSIX or GNU form; undefined for a block of zeros.
 * https://www.gnu.org/software/tar/manual/html_node/Standard.html
 * @throws UnpackError Corrupt when the checksum or a number is wrong.
 */
export function decodeHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (number(block, 148, 8) !== checksum(block)) {
    throw new UnpackError('Corrupt', 'not a tar archive: the checksum of a header is wrong');
  }
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const type = String.fromCharCode(block[156] ?? 0);
  return {
    type: type === '\0' ? '0' : type,
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtimeSeconds: number(block, 136, 12),
  };
}

/** The records of a pax extended header: `length key=value\n`, values raw because attributes are binary. */
export function decodePax(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? '' : data.toString('latin1', at, space);
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
    const equals = data.indexOf(0x3d, space);
    const end = at + length - 1;
    if (length === 0 || end >= data.length || equals < 0 || equals > end || data[end] !== 0x0a) {
      throw new UnpackError('Corrupt', 'a pax header is malformed');
    }
    records.set(data.toString('latin1', space + 1, equals), Buffer.from(data.subarray(equals + 1, end)));
    at = end + 1;
  }
  return records;
}

function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}

function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end < 0 ? start + length : Math.min(end, start + length));
}

/** Octal text, or base 256 when the first bit is set. */
function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) return base256(block.subarray(start, start + length));
  const digits = text(block, start, length).trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits))
    throw new UnpackError('Corrupt', 'not a tar archive: a header holds a malformed number');
  return Number.parseInt(digits, 8);
}

function base256(field: Buffer): number {
  const isNegative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = isNegative ? -1n : 0n;
  for (const [index, byte] of field.entries()) {
    const bits = index === 0 ? (isNegative ? byte : byte & 0x7f) : byte;
    value = (value << 8n) | BigInt(bits);
  }
  const result = Number(BigInt.asIntN(64, value));
  if (!Number.isSafeInteger(result))
    throw new UnpackError('Corrupt', 'a tar header holds a number out of range');
  return result;
}
