/** Upstream's figure for walking a character, an item or an octet. */
const WALK = 0.1;

/** One walk over the first argument. */
export function walk(size: number): number {
  return Math.ceil(size * WALK);
}

/** A walk, and as much again for what is made. */
export function walkAndMake(size: number): number {
  return Math.ceil(size * 2 * WALK);
}

/** Both arguments are walked. */
export function walkBoth(a: number, b = 0): number {
  return Math.ceil((a + b) * WALK);
}
