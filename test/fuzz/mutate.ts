import type { Random } from './random.ts';

/** What no field expects. */
export const STRANGE: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => undefined,
  () => true,
  () => -1,
  () => 1e308,
  () => 0.5,
  () => Number.MAX_SAFE_INTEGER + 2,
  () => '',
  () => '\u0000\ud800',
  () => '../../etc/passwd',
  () => '__proto__',
  () => '{"a":',
  () => '9'.repeat(400),
  () => '1e999999999',
  () => 'x'.repeat(70_000),
  () => [],
  () => {},
  () => [[[[]]]],
  () => ({ __proto__: { a: 1 }, constructor: { prototype: {} } }),
  () => ({ name: { name: { name: [] } } }),
  (random) => nested(random.below(200)),
  (random) => Array.from({ length: random.below(2000) }, (_, index) => ({ name: `n${index % 7}` })),
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? { a: value } : [value];
  return value;
}

/** A copy of a JSON value with one place made strange: replaced, removed, renamed or doubled. */
export function mutateValue(random: Random, value: unknown): unknown {
  if (Array.isArray(value)) {
    if (value.length === 0 || random.next() < 0.2) return random.pick(STRANGE)(random);
    const at = random.below(value.length);
    if (random.next() < 0.2) return [...value, value[at]];
    return value.map((item, index) => (index === at ? mutateValue(random, item) : item));
  }
  if (typeof value !== 'object' || value === null) return random.pick(STRANGE)(random);
  const keys = Object.keys(value);
  if (keys.length === 0 || random.next() < 0.1) return random.pick(STRANGE)(random);
  const chosen = random.pick(keys);
  const copy: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (key !== chosen) copy.push([key, member]);
    else if (random.next() < 0.1) copy.push([`${key}\u0000`, member]);
    else if (random.next() > 0.1) copy.push([key, mutateValue(random, member)]);
  }
  return Object.fromEntries(copy);
}

/** Bytes with some of them changed, taken out, doubled or cut off. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  switch (random.below(4)) {
    case 0:
      for (let count = random.below(8); count >= 0 && copy.length > 0; count--)
        copy[random.below(copy.length)] = random.below(256);
      return copy;
    case 1:
      return copy.subarray(0, random.below(copy.length + 1));
    case 2: {
      const at = random.below(copy.length + 1);
      return Buffer.concat([
        copy.subarray(0, at),
        Buffer.alloc(random.below(64), random.below(256)),
        copy.subarray(at),
      ]);
    }
    default: {
      const at = random.below(copy.length + 1);
      return Buffer.concat([copy.subarray(0, at), copy.subarray(random.below(copy.length + 1))]);
    }
  }
}
