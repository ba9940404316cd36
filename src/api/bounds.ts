import { RE2JS } from 're2js';
import type { ErrorDetail } from '../lib/errors.ts';
import { isJsonObject } from './json.ts';
import type { Bounds, Schema } from './schema.ts';

/** What a CRD's bounds say against a value, in upstream's words. */
export function checkBounds(schema: Schema, value: unknown, field: string): readonly ErrorDetail[] {
  if (!('bounds' in schema) || schema.bounds === undefined) return [];
  const { bounds } = schema;
  const messages =
    typeof value === 'number' ? numberMessages(bounds, value, field) : countMessages(bounds, value, field);
  return messages.map((message) => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${shown(value)}: ${message}`,
  }));
}

function numberMessages(bounds: Bounds, value: number, field: string): string[] {
  const { minimum, maximum, multipleOf } = bounds;
  const messages: string[] = [];
  if (minimum !== undefined && (bounds.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const than = bounds.exclusiveMinimum === true ? 'greater than' : 'greater than or equal to';
    messages.push(`${field} in body should be ${than} ${minimum}`);
  }
  if (maximum !== undefined && (bounds.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const than = bounds.exclusiveMaximum === true ? 'less than' : 'less than or equal to';
    messages.push(`${field} in body should be ${than} ${maximum}`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    messages.push(`${field} in body should be a multiple of ${multipleOf}`);
  }
  return messages;
}

function countMessages(bounds: Bounds, value: unknown, field: string): string[] {
  const counted = count(value);
  const messages: string[] = [];
  if (counted !== undefined && bounds.minCount !== undefined && counted.count < bounds.minCount) {
    messages.push(`${field} in body should have at least ${bounds.minCount} ${counted.unit}`);
  }
  if (counted !== undefined && bounds.maxCount !== undefined && counted.count > bounds.maxCount) {
    messages.push(`${field} in body should have at most ${bounds.maxCount} ${counted.unit}`);
  }
  if (typeof value === 'string' && bounds.pattern !== undefined && !matches(bounds.pattern, value)) {
    messages.push(`${field} in body should match '${bounds.pattern}'`);
  }
  return messages;
}

function count(value: unknown): { readonly count: number; readonly unit: string } | undefined {
  if (typeof value === 'string') return { count: [...value].length, unit: 'chars long' };
  if (Array.isArray(value)) return { count: value.length, unit: 'items' };
  if (isJsonObject(value)) return { count: Object.keys(value).length, unit: 'properties' };
  return undefined;
}

function shown(value: unknown): string {
  return typeof value === 'object' ? 'object' : JSON.stringify(value);
}

/** RE2, as upstream: a CRD's pattern cannot take more than linear time, whatever it is tried on. */
function matches(pattern: string, value: string): boolean {
  return RE2JS.compile(pattern).matcher(value).find();
}
