import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { labelDetails, labelValue, qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { POSITIVE } from '../validation/numbers.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

/** Where a pod may run: node selectors, affinity, spread, gates. */
export function validatePlacement(spec: JsonObject, path: string): ErrorDetail[] {
  return [
    // The schema has conformed it: a map of strings.
    ...labelDetails(part(spec, 'nodeSelector') as Record<string, string>, `${path}.nodeSelector`),
    ...validateAffinity(part(spec, 'affinity'), `${path}.affinity`),
    ...items(spec, 'topologySpreadConstraints').flatMap((constraint, index, all) =>
      validateSpread(constraint, {
        path: `${path}.topologySpreadConstraints[${index}]`,
        before: all.slice(0, index),
      }),
    ),
    ...validateGates(spec, { list: 'readinessGates', name: 'conditionType', path }),
    ...validateGates(spec, { list: 'schedulingGates', name: 'name', path }),
    ...(text(spec, 'nodeName') !== '' && items(spec, 'schedulingGates').length > 0
      ? [forbidden(`${path}.nodeName`, 'cannot be set until all schedulingGates have been cleared')]
      : []),
  ];
}

function validateGates(
  spec: JsonObject,
  { list, name, path }: { readonly list: string; readonly name: string; readonly path: string },
): ErrorDetail[] {
  return items(spec, list).flatMap((gate, index) => {
    const at = `${path}.${list}[${index}].${name}`;
    return qualifiedName(text(gate, name)).map((why) => invalid(at, text(gate, name), why));
  });
}

function validateAffinity(affinity: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const node = part(affinity, 'nodeAffinity');
  const hard = `${path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`;
  if (node.requiredDuringSchedulingIgnoredDuringExecution !== undefined)
    details.push(...validateNodeSelector(part(node, 'requiredDuringSchedulingIgnoredDuringExecution'), hard));
  for (const [index, term] of items(node, 'preferredDuringSchedulingIgnoredDuringExecution').entries()) {
    const at = `${path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    details.push(
      ...validateWeight(term, at),
      ...validateNodeTerm(part(term, 'preference'), `${at}.preference`),
    );
  }
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const rules = part(affinity, kind);
    for (const [index, term] of items(rules, 'requiredDuringSchedulingIgnoredDuringExecution').entries())
      details.push(
        ...validatePodTerm(term, `${path}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`),
      );
    for (const [index, term] of items(rules, 'preferredDuringSchedulingIgnoredDuringExecution').entries()) {
      const at = `${path}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      details.push(...validateWeight(term, at));
      details.push(...validatePodTerm(part(term, 'podAffinityTerm'), `${at}.podAffinityTerm`));
    }
  }
  return details;
}

function validateWeight(term: JsonObject, path: string): ErrorDetail[] {
  const { weight } = term;
  const good = typeof weight === 'number' && weight >= 1 && weight <= 100;
  return good ? [] : [invalid(`${path}.weight`, weight ?? 0, 'must be in the range 1-100')];
}

/** A selector of nodes: any of its terms is enough. */
export function validateNodeSelector(selector: JsonObject, path: string): ErrorDetail[] {
  const terms = items(selector, 'nodeSelectorTerms');
  if (terms.length === 0)
    return [required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term')];
  return terms.flatMap((term, index) => validateNodeTerm(term, `${path}.nodeSelectorTerms[${index}]`));
}

function validateNodeTerm(term: JsonObject, path: string): ErrorDetail[] {
  return [
    ...items(term, 'matchExpressions').flatMap((expression, index) =>
      validateNodeExpression(expression, `${path}.matchExpressions[${index}]`),
    ),
    ...items(term, 'matchFields').flatMap((expression, index) => {
      const at = `${path}.matchFields[${index}]`;
      const details: ErrorDetail[] = [];
      const { key, operator } = expression;
      if (operator !== 'In' && operator !== 'NotIn')
        details.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
      if (listOf(expression, 'values').length !== 1)
        details.push(
          required(
            `${at}.values`,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
          ),
        );
      if (key !== 'metadata.name') details.push(invalid(`${at}.key`, key, 'not a valid field selector key'));
      return details;
    }),
  ];
}

function validateNodeExpression(expression: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const operator = text(expression, 'operator');
  const values = listOf(expression, 'values');
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
    details.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
    details.push(
      forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    );
  if ((operator === 'Gt' || operator === 'Lt') && values.length !== 1)
    details.push(
      required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
    );
  const key = text(expression, 'key');
  details.push(...qualifiedName(key).map((why) => invalid(`${path}.key`, key, why)));
  for (const [index, value] of values.entries())
    details.push(...labelValue(String(value)).map((why) => invalid(`${path}.values[${index}]`, value, why)));
  return details;
}

function validatePodTerm(term: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  for (const field of ['labelSelector', 'namespaceSelector'] as const)
    if (isJsonObject(term[field]))
      details.push(...validateLabelSelector(part(term, field), `${path}.${field}`));
  const key = text(term, 'topologyKey');
  if (key === '') details.push(required(`${path}.topologyKey`, 'can not be empty'));
  details.push(
    ...(key === '' ? [] : qualifiedName(key)).map((why) => invalid(`${path}.topologyKey`, key, why)),
  );
  return details;
}

function validateSpread(
  constraint: JsonObject,
  { path, before }: { readonly path: string; readonly before: readonly JsonObject[] },
): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const { maxSkew, minDomains, whenUnsatisfiable } = constraint;
  if (typeof maxSkew !== 'number' || maxSkew <= 0)
    details.push(invalid(`${path}.maxSkew`, maxSkew ?? 0, POSITIVE));
  const key = text(constraint, 'topologyKey');
  if (key === '') details.push(required(`${path}.topologyKey`, 'can not be empty'));
  else details.push(...qualifiedName(key).map((why) => invalid(`${path}.topologyKey`, key, why)));
  if (whenUnsatisfiable === undefined)
    details.push(notSupported(`${path}.whenUnsatisfiable`, '', ['DoNotSchedule', 'ScheduleAnyway']));
  if (typeof minDomains === 'number' && minDomains <= 0)
    details.push(invalid(`${path}.minDomains`, minDomains, POSITIVE));
  if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule')
    details.push(
      invalid(
        `${path}.minDomains`,
        minDomains,
        'can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      ),
    );
  const same = before.some((one) => one.topologyKey === key && one.whenUnsatisfiable === whenUnsatisfiable);
  if (same)
    details.push(duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, `{${key}, ${whenUnsatisfiable}}`));
  if (isJsonObject(constraint.labelSelector))
    details.push(...validateLabelSelector(part(constraint, 'labelSelector'), `${path}.labelSelector`));
  return details;
}

function listOf(of: JsonObject, field: string): readonly unknown[] {
  const value = of[field];
  return Array.isArray(value) ? value : [];
}
