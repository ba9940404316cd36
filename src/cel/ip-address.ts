import { isIPv4, isIPv6 } from 'node:net';

/** An address as a number, and how many bits it has. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Undefined for what is none; addresses with a zone and IPv4 inside IPv6 are none, as upstream has it. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { bits: 32, value: quads(text) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const value = hextets(text);
  return value >> 32n === 0xffffn ? undefined : { bits: 128, value };
}

function quads(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function hextets(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0n);
  return [...left, ...zeros, ...right].reduce((value, group) => value * 65_536n + group, 0n);
}

function groupsOf(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const value = quads(group);
    return [value >> 16n, value & 0xffffn];
  });
}

/** The canonical form, RFC 5952. */
export function addressText({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const run = longestZeros(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === '0') continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** The address with all but the first `prefix` bits zero. */
export function maskAddress({ bits, value }: Address, prefix: number): Address {
  const shift = BigInt(bits - prefix);
  return { bits, value: (value >> shift) << shift };
}
