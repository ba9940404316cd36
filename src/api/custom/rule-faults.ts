import type { ErrorDetail } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { invalid, required, unsupported } from './faults.ts';
import { followFieldPath } from './field-path.ts';
import { readNode } from './node.ts';
import { list, text } from './source.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** What is wrong with the form of `x-kubernetes-validations`; whether the rules compile is not looked at here. */
export function ruleFaults(schema: JsonObject, path: string): ErrorDetail[] {
  return list(schema, 'x-kubernetes-validations').flatMap((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    return [...textFaults(rule, at), ...fieldPathFaults(rule, schema, at)];
  });
}

function textFaults(rule: JsonObject, at: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const expression = text(rule, 'rule').trim();
  const message = text(rule, 'message');
  if (expression === '') faults.push(required(`${at}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '')
    faults.push(invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (hasLines(message.trim()))
    faults.push(invalid(`${at}.message`, message, 'must not contain line breaks'));
  else if (hasLines(expression) && message === '')
    faults.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  const computed = text(rule, 'messageExpression');
  if (computed !== '' && computed.trim() === '')
    faults.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  const { reason } = rule;
  if (reason !== undefined && reason !== null && !REASONS.includes(String(reason)))
    faults.push(unsupported(`${at}.reason`, reason, REASONS));
  return faults;
}

function fieldPathFaults(rule: JsonObject, schema: JsonObject, at: string): ErrorDetail[] {
  const path = text(rule, 'fieldPath');
  if (path === '') return [];
  const field = `${at}.fieldPath`;
  const faults: ErrorDetail[] = [];
  if (path.trim() === '') faults.push(invalid(field, path, 'must be non-empty if specified'));
  if (hasLines(path)) faults.push(invalid(field, path, 'must not contain line breaks'));
  if (!leadsSomewhere(path, schema)) faults.push(invalid(field, path, 'must be a valid path'));
  return faults;
}

function leadsSomewhere(path: string, schema: JsonObject): boolean {
  return typeof followFieldPath(path, fieldsOnly(schema), { brackets: true }) !== 'string';
}

/** A schema that may have faults, read for its fields alone. */
function fieldsOnly(schema: JsonObject) {
  const plain = (from: unknown): unknown => {
    if (!isJsonObject(from)) return from;
    const { properties, additionalProperties } = from;
    const fields = isJsonObject(properties)
      ? Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, plain(one)]))
      : undefined;
    return { properties: fields, additionalProperties: plain(additionalProperties) };
  };
  return readNode(plain(schema));
}

function hasLines(value: string): boolean {
  return /[\n\r]/.test(value);
}
