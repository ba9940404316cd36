import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { pathSegmentName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { POSITIVE } from '../validation/numbers.ts';
import { quantityOf } from '../validation/quantities.ts';

const MOST_STABILIZATION_SECONDS = 3600;
const MOST_PERIOD_SECONDS = 1800;
const DEFAULT_CPU_PERCENT = 80;

export const autoscalers: Strategy = {
  resource: 'horizontalpodautoscalers.autoscaling',
  defaults(autoscaler) {
    const spec = ensure(autoscaler, 'spec');
    if (items(spec, 'metrics').length === 0)
      spec.metrics = [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: DEFAULT_CPU_PERCENT } },
        },
      ];
    if (spec.behavior === undefined) return;
    const behavior = ensure(spec, 'behavior');
    const all = { type: 'Percent', value: 100, periodSeconds: 15 };
    behavior.scaleUp = {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, all],
      ...part(behavior, 'scaleUp'),
    };
    behavior.scaleDown = { selectPolicy: 'Max', policies: [all], ...part(behavior, 'scaleDown') };
  },
  validate: validateAutoscaler,
};

function validateAutoscaler(autoscaler: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(autoscaler, 'spec');
  const { minReplicas: least, maxReplicas: most } = spec;
  const details: ErrorDetail[] = [];
  if (typeof least === 'number' && least < 1)
    details.push(invalid('spec.minReplicas', least, 'must be greater than or equal to 1'));
  if (typeof most !== 'number' || most < 1) details.push(invalid('spec.maxReplicas', most ?? 0, POSITIVE));
  if (typeof least === 'number' && typeof most === 'number' && most < least)
    details.push(invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`'));
  details.push(...validateReference(part(spec, 'scaleTargetRef'), 'spec.scaleTargetRef'));
  for (const [index, metric] of items(spec, 'metrics').entries())
    details.push(...validateMetric(metric, `spec.metrics[${index}]`));
  for (const direction of ['scaleUp', 'scaleDown'] as const)
    if (part(spec, 'behavior')[direction] !== undefined)
      details.push(...validateRules(part(part(spec, 'behavior'), direction), `spec.behavior.${direction}`));
  return details;
}

function validateReference(reference: JsonObject, path: string): ErrorDetail[] {
  return (['kind', 'name'] as const).flatMap((field) => {
    const value = text(reference, field);
    if (value === '') return [required(`${path}.${field}`)];
    return pathSegmentName(value).map((why) => invalid(`${path}.${field}`, value, why));
  });
}

/** Metric types and where each keeps what it says. */
const SOURCES: Readonly<Record<string, string>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function validateMetric(metric: JsonObject, path: string): ErrorDetail[] {
  const type = text(metric, 'type');
  if (type === '') return [required(`${path}.type`, 'must specify a metric source type')];
  const expected = Object.hasOwn(SOURCES, type) ? SOURCES[type] : undefined;
  if (expected === undefined) return [notSupported(`${path}.type`, type, Object.keys(SOURCES))];
  const details: ErrorDetail[] = Object.values(SOURCES)
    .filter((field) => field !== expected && metric[field] !== undefined)
    .map((field) => forbidden(`${path}.${field}`, 'must populate the given metric source only'));
  if (metric[expected] === undefined)
    return [
      ...details,
      required(`${path}.${expected}`, 'must populate information for the given metric source'),
    ];
  const source = part(metric, expected);
  const at = `${path}.${expected}`;
  const isResource = type === 'Resource' || type === 'ContainerResource';
  if (isResource && text(source, 'name') === '')
    details.push(required(`${at}.name`, 'must specify a resource name'));
  if (type === 'ContainerResource' && text(source, 'container') === '')
    details.push(required(`${at}.container`, 'must specify a container'));
  if (!isResource && text(part(source, 'metric'), 'name') === '')
    details.push(required(`${at}.metric.name`, 'must specify a metric name'));
  if (type === 'Object')
    details.push(...validateReference(part(source, 'describedObject'), `${at}.describedObject`));
  return [...details, ...validateTarget(part(source, 'target'), `${at}.target`, type)];
}

function validateTarget(target: JsonObject, path: string, type: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const { averageUtilization, averageValue, value } = target;
  const kind = text(target, 'type');
  if (kind === '') details.push(required(`${path}.type`, 'must specify a metric target type'));
  else if (!['AverageValue', 'Utilization', 'Value'].includes(kind))
    details.push(invalid(`${path}.type`, kind, 'must be either Utilization, Value, or AverageValue'));
  if (typeof averageUtilization === 'number' && averageUtilization < 1)
    details.push(invalid(`${path}.averageUtilization`, averageUtilization, POSITIVE));
  for (const [field, amount] of [
    ['value', value],
    ['averageValue', averageValue],
  ] as const)
    if (amount !== undefined && (quantityOf(amount)?.nanos ?? 0n) <= 0n)
      details.push(invalid(`${path}.${field}`, amount, 'must be positive'));
  if (type === 'Resource' || type === 'ContainerResource') {
    if (averageUtilization === undefined && averageValue === undefined)
      details.push(
        required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization'),
      );
    if (averageUtilization !== undefined && averageValue !== undefined)
      details.push(
        forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization'),
      );
  } else if (type === 'Pods') {
    if (averageValue === undefined)
      details.push(required(`${path}.averageValue`, 'must specify a positive target averageValue'));
  } else if (averageValue === undefined && value === undefined)
    details.push(
      required(`${path}.averageValue`, 'must set either a target value for metric or a per-pod target'),
    );
  return details;
}

function validateRules(rules: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const { stabilizationWindowSeconds: window, selectPolicy } = rules;
  if (typeof window === 'number' && window < 0)
    details.push(
      invalid(`${path}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'),
    );
  if (typeof window === 'number' && window > MOST_STABILIZATION_SECONDS)
    details.push(
      invalid(
        `${path}.stabilizationWindowSeconds`,
        window,
        `must be less than or equal to ${MOST_STABILIZATION_SECONDS}`,
      ),
    );
  const choices = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !choices.includes(String(selectPolicy)))
    details.push(notSupported(`${path}.selectPolicy`, selectPolicy, choices));
  const policies = items(rules, 'policies');
  if (policies.length === 0) details.push(required(`${path}.policies`, 'must specify at least one Policy'));
  for (const [index, policy] of policies.entries()) {
    const at = `${path}.policies[${index}]`;
    if (policy.type !== 'Pods' && policy.type !== 'Percent')
      details.push(notSupported(`${at}.type`, policy.type, ['Percent', 'Pods']));
    for (const field of ['value', 'periodSeconds'] as const)
      if (!(Number(policy[field]) > 0))
        details.push(invalid(`${at}.${field}`, policy[field], 'must be greater than zero'));
    if (Number(policy.periodSeconds) > MOST_PERIOD_SECONDS)
      details.push(
        invalid(
          `${at}.periodSeconds`,
          policy.periodSeconds,
          `must be less than or equal to ${MOST_PERIOD_SECONDS}`,
        ),
      );
  }
  return details;
}
