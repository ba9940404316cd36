import { SourceFault } from './ast.ts';

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  '?': 63,
  '"': 34,
  "'": 39,
  '`': 96,
};
const NUMERIC = /x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})/y;

/**
 * The text of a literal without its escapes; for `bytes` the octets, where `\xff` is one octet and not a character.
 * @throws SourceFault
 */
export function unescapeLiteral(
  body: string,
  options: { readonly at: number; readonly bytes: boolean },
): string | Uint8Array {
  if (!body.includes('\\')) return body;
  const parts: (string | number)[] = [];
  for (let i = 0; i < body.length; ) {
    if (body[i] !== '\\') {
      const end = body.indexOf('\\', i);
      parts.push(body.slice(i, end === -1 ? body.length : end));
      i = end === -1 ? body.length : end;
      continue;
    }
    const escaped = escapeAt(body, i + 1, options);
    parts.push(escaped.code);
    i += 1 + escaped.length;
  }
  if (!options.bytes)
    return parts.map((part) => (typeof part === 'number' ? String.fromCodePoint(part) : part)).join('');
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))));
}

function escapeAt(
  body: string,
  start: number,
  { at, bytes }: { readonly at: number; readonly bytes: boolean },
): { readonly code: number; readonly length: number } {
  const simple = Object.hasOwn(SIMPLE, body[start] ?? '') ? SIMPLE[body[start] ?? ''] : undefined;
  if (simple !== undefined) return { code: simple, length: 1 };
  NUMERIC.lastIndex = start;
  const match = NUMERIC.exec(body);
  if (match === null) throw new SourceFault(at, 'Syntax error: unable to unescape string');
  const [text, small, large, short, long, octal] = match;
  const unicode = short ?? long;
  const code =
    octal === undefined ? Number.parseInt(small ?? large ?? unicode ?? '', 16) : Number.parseInt(octal, 8);
  const surrogate = code >= 0xd800 && code <= 0xdfff;
  if (unicode !== undefined && (bytes || surrogate || code > 0x10ffff))
    throw new SourceFault(at, 'Syntax error: unable to unescape string');
  return { code, length: text.length };
}
