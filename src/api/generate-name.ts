import { randomInt } from 'node:crypto';

/** Upstream's alphabet: no vowels and nothing that looks like one, so that no words come out. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX = 5;
const LONGEST = 63;

/** `metadata.generateName` with its suffix of five characters. `pick` gives a whole number below its argument. */
export function generateName(
  base: string,
  pick: (below: number) => number = (below) => randomInt(below),
): string {
  const suffix = Array.from({ length: SUFFIX }, () => ALPHABET.charAt(pick(ALPHABET.length))).join('');
  return base.slice(0, LONGEST - SUFFIX) + suffix;
}
