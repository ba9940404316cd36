import { fault } from '../faults.ts';
import { type Address, addressText, maskAddress, parseAddress } from '../ip-address.ts';
import { type Overload, overload } from '../signature.ts';
import { Opaque } from '../values.ts';
import { walk, walkAndMake } from './cost.ts';

class Ip extends Opaque {
  readonly typeName = 'net.IP';
  readonly address: Address;

  constructor(address: Address) {
    super();
    this.address = address;
  }

  equals(other: Opaque): boolean {
    return other instanceof Ip && sameAddress(this.address, other.address);
  }

  override toString(): string {
    return addressText(this.address);
  }
}

class Cidr extends Opaque {
  readonly typeName = 'net.CIDR';
  readonly address: Address;
  readonly prefix: number;

  constructor(address: Address, prefix: number) {
    super();
    this.address = address;
    this.prefix = prefix;
  }

  equals(other: Opaque): boolean {
    return other instanceof Cidr && this.prefix === other.prefix && sameAddress(this.address, other.address);
  }

  override toString(): string {
    return `${addressText(this.address)}/${this.prefix}`;
  }

  contains({ bits, value }: Address): boolean {
    const own = maskAddress(this.address, this.prefix);
    return own.bits === bits && maskAddress({ bits, value }, this.prefix).value === own.value;
  }
}

function sameAddress(a: Address, b: Address): boolean {
  return a.bits === b.bits && a.value === b.value;
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library and the CIDR one. */
export function network(): Overload[] {
  return [...addresses(), ...ranges()];
}

/** Which addresses are of a kind: by their first bits, [value, bits]. */
const BLOCKS: Readonly<Record<string, Readonly<Record<32 | 128, readonly [bigint, number]>>>> = {
  isUnspecified: { 32: [0n, 32], 128: [0n, 128] },
  isLoopback: { 32: [127n, 8], 128: [1n, 128] },
  isLinkLocalMulticast: { 32: [0xe00000n, 24], 128: [0xff02n, 16] },
  isLinkLocalUnicast: { 32: [0xa9fen, 16], 128: [0xfe80n >> 6n, 10] },
  isMulticast: { 32: [0xen, 4], 128: [0xffn, 8] },
};

function isOf(block: string, { bits, value }: Address): boolean {
  const [first, length] = BLOCKS[block]?.[bits] ?? [0n, 0];
  return value >> BigInt(bits - length) === first;
}

function isGlobalUnicast(address: Address): boolean {
  const broadcast = address.bits === 32 && address.value === 0xffffffffn;
  const others = ['isUnspecified', 'isLoopback', 'isMulticast', 'isLinkLocalUnicast'];
  return !broadcast && !others.some((block) => isOf(block, address));
}

function addresses(): Overload[] {
  const blocks = ['isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast'];
  return [
    overload('ip(string): net.IP', (text: string) => new Ip(mustAddress(text)), { cost: walk }),
    overload('isIP(string): bool', (text: string) => parseAddress(text) !== undefined, { cost: walk }),
    overload('ip.isCanonical(string): bool', (text: string) => addressText(mustAddress(text)) === text, {
      cost: walkAndMake,
    }),
    overload('(net.IP).family(): int', ({ address }: Ip) => (address.bits === 32 ? 4 : 6)),
    overload('(net.IP).isGlobalUnicast(): bool', ({ address }: Ip) => isGlobalUnicast(address)),
    ...blocks.map((name) => overload(`(net.IP).${name}(): bool`, ({ address }: Ip) => isOf(name, address))),
    overload('string(net.IP): string', String, { size: () => 39 }),
  ];
}

function ranges(): Overload[] {
  const containsIp = (range: Cidr, { address }: Ip) => range.contains(address);
  const containsCidr = (range: Cidr, other: Cidr) =>
    other.prefix >= range.prefix && range.contains(other.address);
  return [
    overload('cidr(string): net.CIDR', mustCidr, { cost: walk }),
    overload('isCIDR(string): bool', (text: string) => parseCidr(text) !== undefined, { cost: walk }),
    overload('(net.CIDR).containsIP(net.IP): bool', containsIp),
    overload('(net.CIDR).containsIP(string): bool', (range: Cidr, text: string) =>
      range.contains(mustAddress(text)),
    ),
    overload('(net.CIDR).containsCIDR(net.CIDR): bool', containsCidr),
    overload('(net.CIDR).containsCIDR(string): bool', (range: Cidr, text: string) =>
      containsCidr(range, mustCidr(text)),
    ),
    overload('(net.CIDR).ip(): net.IP', ({ address }: Cidr) => new Ip(address)),
    overload(
      '(net.CIDR).masked(): net.CIDR',
      ({ address, prefix }: Cidr) => new Cidr(maskAddress(address, prefix), prefix),
    ),
    overload('(net.CIDR).prefixLength(): int', ({ prefix }: Cidr) => prefix),
    overload('string(net.CIDR): string', String, { size: () => 43 }),
  ];
}

function mustAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw fault(`IP Address ${JSON.stringify(text.slice(0, 64))} parse error during conversion from string`);
  return address;
}

function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]{1,45})\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = parseAddress(match?.[1] ?? '');
  const prefix = Number(match?.[2]);
  if (address === undefined || !(prefix <= address.bits)) return undefined;
  return new Cidr(address, prefix);
}

function mustCidr(text: string): Cidr {
  const range = parseCidr(text);
  if (range === undefined)
    throw fault(
      `network address parse error during conversion from string: ${JSON.stringify(text.slice(0, 64))}`,
    );
  return range;
}
