import type { ErrorDetail } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';

/** What Go's `unicode.IsPrint` says of a character. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** The part of a user agent before the first slash, which names a program that does not name its manager. */
export function managerOf(userAgent = ''): string {
  const end = userAgent.indexOf('/');
  const name = end < 0 ? userAgent : userAgent.slice(0, end);
  if (name.length <= LIMITS.fieldManagerBytes && PLAIN.test(name)) return name;
  let kept = '';
  let bytes = 0;
  for (const character of name) {
    if (!PRINTABLE.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > LIMITS.fieldManagerBytes) break;
    kept += character;
  }
  return kept;
}

/** What is wrong with a name of a manager that stands at `field`, as upstream's `ValidateFieldManager` has it. */
export function managerDetails(manager: string, field: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (Buffer.byteLength(manager) > LIMITS.fieldManagerBytes)
    details.push({
      reason: 'FieldValueTooLong',
      field,
      message: `Too long: may not be more than ${LIMITS.fieldManagerBytes} bytes`,
    });
  if (PLAIN.test(manager)) return details;
  let position = 0;
  for (const character of manager) {
    if (!PRINTABLE.test(character)) {
      const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
      const message = `Invalid value: ${JSON.stringify(manager)}: invalid character U+${code} (at position ${position})`;
      return [...details, { reason: 'FieldValueInvalid', field, message }];
    }
    position += Buffer.byteLength(character);
  }
  return details;
}
