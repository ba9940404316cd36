import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid } from '../field-errors.ts';

const IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export function validateIp(value: unknown, field: string): ErrorDetail[] {
  return isIP(String(value)) === 0 ? [invalid(field, value, IP)] : [];
}

export function validateIpv4(value: unknown, field: string): ErrorDetail[] {
  return isIPv4(String(value)) ? [] : [invalid(field, value, 'must be a valid IPv4 address')];
}

export function validateIpv6(value: unknown, field: string): ErrorDetail[] {
  return isIPv6(String(value)) ? [] : [invalid(field, value, 'must be a valid IPv6 address')];
}

export function validateCidr(value: unknown, field: string): ErrorDetail[] {
  return parseCidr(String(value)) === undefined ? [invalid(field, value, CIDR)] : [];
}

export interface Cidr {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly bits: number;
}

export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...more] = text.split('/');
  const family = isIP(address);
  const bits = /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) : -1;
  const width = family === 4 ? 32 : 128;
  if (more.length > 0 || bits < 0 || bits > width || (family !== 4 && family !== 6)) return undefined;
  const shift = BigInt(width - bits);
  return { family, first: (numberOf(address, family) >> shift) << shift, bits };
}

/** Whether `inner` is a part of `outer` and smaller than it. */
export function isStrictlyInside(inner: Cidr, outer: Cidr): boolean {
  if (inner.family !== outer.family || inner.bits <= outer.bits) return false;
  const shift = BigInt((outer.family === 4 ? 32 : 128) - outer.bits);
  return inner.first >> shift === outer.first >> shift;
}

function numberOf(address: string, family: 4 | 6): bigint {
  if (family === 4) return address.split('.').reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
  const text = address.split('%')[0] ?? '';
  // The last four bytes may be written as an IPv4 address.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const whole = tail === null ? text : `${tail[1]}${hexOf(numberOf(tail[2] ?? '', 4))}`;
  const [head = '', rest] = whole.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

function hexOf(value: bigint): string {
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
