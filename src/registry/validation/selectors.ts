import type { JsonObject } from '../../api/json.ts';
import { fromLabelSelector, type LabelSelector, matchesLabels } from '../../api/label-selector.ts';
import { labelDetails, labelValue, qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';

const OPERATORS: ReadonlySet<unknown> = new Set(['DoesNotExist', 'Exists', 'In', 'NotIn']);

/** apimachinery's ValidateLabelSelector. */
export function validateLabelSelector(selector: JsonObject, path: string): ErrorDetail[] {
  // The schema has conformed it: a map of strings.
  const labels = part(selector, 'matchLabels') as Record<string, string>;
  return [
    ...labelDetails(labels, `${path}.matchLabels`),
    ...items(selector, 'matchExpressions').flatMap((expression, index) =>
      validateExpression(expression, `${path}.matchExpressions[${index}]`),
    ),
  ];
}

function validateExpression(expression: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const operator = text(expression, 'operator');
  const values = Array.isArray(expression.values) ? expression.values : [];
  const needs = operator === 'In' || operator === 'NotIn';
  if (needs && values.length === 0)
    details.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  if (!needs && values.length > 0)
    details.push(
      forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    );
  const key = text(expression, 'key');
  details.push(...qualifiedName(key).map((why) => invalid(`${path}.key`, key, why)));
  for (const [index, value] of values.entries())
    details.push(...labelValue(String(value)).map((why) => invalid(`${path}.values[${index}]`, value, why)));
  return details;
}

export function isEmptySelector(selector: JsonObject): boolean {
  return Object.keys(part(selector, 'matchLabels')).length + items(selector, 'matchExpressions').length === 0;
}

/** A workload's selector must be there, select something, and select what its template makes. */
export function validateOwnSelector(
  spec: JsonObject,
  what: { readonly kind: string; readonly details: ErrorDetail[] },
): void {
  const { selector } = spec;
  const { details } = what;
  const labels = part(part(part(spec, 'template'), 'metadata'), 'labels') as Record<string, string>; // Conformed.
  if (selector === undefined || selector === null) {
    details.push(required('spec.selector'));
    return;
  }
  const given = part(spec, 'selector');
  const wrong = validateLabelSelector(given, 'spec.selector');
  details.push(...wrong);
  if (isEmptySelector(given))
    details.push(invalid('spec.selector', given, `empty selector is invalid for ${what.kind}`));
  const known = items(given, 'matchExpressions').every(({ operator }) => OPERATORS.has(operator));
  if (wrong.length > 0 || !known) return; // The schema says what it has against an operator.
  if (!matchesLabels(fromLabelSelector(given as LabelSelector), labels))
    // Conformed, and its operators are known.
    details.push(
      invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
}
