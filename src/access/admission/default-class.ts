import type { ApiObject } from '../../api/kind.ts';

/**
 * The class that is marked as the default; of several the one made last, and of those the first by name, as upstream.
 * @param marks annotations that say so with `true`
 */
export function defaultClass(
  classes: Iterable<Readonly<ApiObject>>,
  marks: readonly string[],
): Readonly<ApiObject> | undefined {
  const marked = [...classes].filter(({ metadata }) =>
    marks.some((mark) => metadata.annotations?.[mark] === 'true'),
  );
  return marked.sort(byAgeAndName)[0];
}

function byAgeAndName({ metadata: a }: Readonly<ApiObject>, { metadata: b }: Readonly<ApiObject>): number {
  const [before = '', after = ''] = [a.creationTimestamp, b.creationTimestamp];
  if (before !== after) return before > after ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
