import { equalJson } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Label } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/immutable.ts';
import { notNegativeQuantity } from '../validation/quantities.ts';

const SYSTEM_PREFIX = 'system-';
const HIGHEST_PRIORITY = 1_000_000_000;
/** The classes that every cluster has. */
const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/** What a pod names to be treated as others of its class are. */
export const classes: readonly Strategy[] = [
  {
    resource: 'priorityclasses.scheduling.k8s.io',
    generation: true,
    validate: validatePriority,
    validateUpdate(next, old) {
      const details: ErrorDetail[] = [];
      if ((next.value ?? 0) !== (old.value ?? 0))
        details.push(forbidden('value', 'may not be changed in an update.'));
      return [...details, ...immutable({ next, before: old, path: '' }, 'preemptionPolicy')];
    },
  },
  {
    resource: 'runtimeclasses.node.k8s.io',
    validate: validateRuntime,
    validateUpdate: (next, old) => immutable({ next, before: old, path: '' }, 'handler'),
  },
];

function validatePriority(priority: Readonly<ApiObject>): ErrorDetail[] {
  const { name = '' } = priority.metadata;
  const value = Number(priority.value ?? 0);
  if (!name.startsWith(SYSTEM_PREFIX)) {
    if (value <= HIGHEST_PRIORITY) return [];
    return [forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST_PRIORITY}`)];
  }
  const known = Object.hasOwn(SYSTEM_PRIORITIES, name) && SYSTEM_PRIORITIES[name] === value;
  if (known && priority.globalDefault !== true) return [];
  return [
    forbidden(
      'metadata.name',
      "priority class names with 'system-' prefix are reserved for system use only. error: " +
        `${name} is not a known system priority class`,
    ),
  ];
}

function validateRuntime(runtime: Readonly<ApiObject>): ErrorDetail[] {
  const handler = text(runtime, 'handler');
  const details: ErrorDetail[] =
    handler === ''
      ? [required('handler')]
      : dns1123Label(handler).map((why) => invalid('handler', handler, why));
  for (const [name, amount] of Object.entries(part(part(runtime, 'overhead'), 'podFixed')))
    details.push(...notNegativeQuantity(amount, `overhead.podFixed[${name}]`));
  const tolerations = items(part(runtime, 'scheduling'), 'tolerations');
  for (const [index, toleration] of tolerations.entries())
    if (tolerations.slice(0, index).some((other) => equalJson(other, toleration)))
      details.push({
        reason: 'FieldValueDuplicate',
        field: `scheduling.tolerations[${index}]`,
        message: `Duplicate value: ${JSON.stringify(toleration)}`,
      });
  return details;
}
