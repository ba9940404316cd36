import type { ErrorDetail } from '../../lib/errors.ts';

/** Field errors of custom objects and of CRDs in upstream's words (apimachinery `pkg/util/validation/field`). */

/** The field of an error that upstream cannot say a field of. */
export const NO_FIELD = '<nil>';

export function required(field: string, why = ''): ErrorDetail {
  return detail('FieldValueRequired', field, `Required value${why === '' ? '' : `: ${why}`}`);
}

export function forbidden(field: string, why: string): ErrorDetail {
  return detail('FieldValueForbidden', field, `Forbidden: ${why}`);
}

export function invalid(field: string, value: unknown, why: string): ErrorDetail {
  return detail('FieldValueInvalid', field, `Invalid value: ${show(value)}: ${why}`);
}

/** Without the value: what a rule says against an object or a list. */
export function invalidWhole(field: string, why: string): ErrorDetail {
  return detail('FieldValueInvalid', field, `Invalid value: ${why}`);
}

export function wrongType(field: string, value: unknown, why: string): ErrorDetail {
  return detail('FieldValueTypeInvalid', field, `Invalid value: ${show(value)}: ${why}`);
}

export function duplicate(field: string, value: unknown): ErrorDetail {
  return detail('FieldValueDuplicate', field, `Duplicate value: ${show(value)}`);
}

/** The supported values stand in the order given. */
export function unsupported(field: string, value: unknown, supported: readonly string[]): ErrorDetail {
  const names = supported.map((name) => JSON.stringify(name)).join(', ');
  return detail(
    'FieldValueNotSupported',
    field,
    `Unsupported value: ${show(value)}: supported values: ${names}`,
  );
}

/** @param most bytes */
export function tooLong(field: string, most: number): ErrorDetail {
  return detail(
    'FieldValueTooLong',
    field,
    `Too long: may not be more than ${most} ${most === 1 ? 'byte' : 'bytes'}`,
  );
}

export function tooMany(field: string, count: number, most: number): ErrorDetail {
  const items = most === 1 ? 'item' : 'items';
  return detail('FieldValueTooMany', field, `Too many: ${count}: must have at most ${most} ${items}`);
}

function detail(reason: string, field: string, message: string): ErrorDetail {
  return { reason, field, message };
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
