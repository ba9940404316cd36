const KEYWORDS: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const SIGNS: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};
const WORDS: ReadonlyMap<string, string> = new Map(Object.entries(SIGNS).map(([sign, word]) => [word, sign]));

/**
 * How an expression writes a field's name that is no CEL identifier; undefined when there is no way.
 * https://kubernetes.io/docs/reference/using-api/cel/#escaping
 */
export function escapeName(name: string): string | undefined {
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined;
  if (KEYWORDS.has(name)) return `__${name}__`;
  return name.replaceAll(/__|[.\-/]/g, (sign) => SIGNS[sign] ?? sign);
}

/** The field's name from what the expression writes. */
export function unescapeName(written: string): string {
  const keyword = /^__([a-z]+)__$/.exec(written)?.[1];
  if (keyword !== undefined && KEYWORDS.has(keyword)) return keyword;
  return written.replaceAll(/__(?:underscores|dot|dash|slash)__/g, (word) => WORDS.get(word) ?? word);
}

/** Whether a variable can be called so. */
export function isIdentifier(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) && !KEYWORDS.has(name);
}
