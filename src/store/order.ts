import type { StoreKey } from './store.ts';

/** Below every character a name or namespace may have, so that texts sort as (resource, namespace, name) does. */
const SEPARATOR = '\u0000';

export function textOf({ resource, namespace, name }: StoreKey): string {
  return `${resource}${SEPARATOR}${namespace}${SEPARATOR}${name}`;
}

/** The first text after `keys` (sorted) that is not below `text`; its index. */
export function lowerBound(keys: readonly string[], text: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a range begins (inclusive) and ends (exclusive), as texts. */
export function boundsOf(range: {
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly after?: { readonly namespace: string; readonly name: string };
}): { readonly from: string; readonly to: string } {
  const { resource, namespace, name, after } = range;
  if (name !== undefined && namespace !== undefined && after === undefined) {
    const from = textOf({ resource, namespace, name });
    return { from, to: `${from}\u0000` };
  }
  const prefix =
    range.namespace === undefined
      ? `${range.resource}${SEPARATOR}`
      : `${range.resource}${SEPARATOR}${range.namespace}${SEPARATOR}`;
  const to = `${prefix.slice(0, -1)}\u0001`;
  if (range.after === undefined) return { from: prefix, to };
  return { from: `${textOf({ resource: range.resource, ...range.after })}\u0000`, to };
}
