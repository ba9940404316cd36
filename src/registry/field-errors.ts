import type { ErrorDetail } from '../lib/errors.ts';

/** Field errors in upstream's words (apimachinery `pkg/util/validation/field`). */

export function required(field: string, why = ''): ErrorDetail {
  return {
    reason: 'FieldValueRequired',
    field,
    message: why === '' ? 'Required value' : `Required value: ${why}`,
  };
}

export function invalid(field: string, value: unknown, why: string): ErrorDetail {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${show(value)}: ${why}` };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): ErrorDetail {
  const names = [...supported].sort().map((name) => JSON.stringify(name));
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${show(value)}: supported values: ${names.join(', ')}`,
  };
}

export function forbidden(field: string, why: string): ErrorDetail {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` };
}

export function duplicate(field: string, value: unknown): ErrorDetail {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${show(value)}` };
}

export function notThere(field: string, value: unknown): ErrorDetail {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${show(value)}` };
}

function show(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}
