import { cloneJson, equalJson, type JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid } from '../field-errors.ts';
import { items, part } from '../fields.ts';

const MAY =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** What upstream's ValidatePodUpdate lets change: images, a shorter deadline, more tolerations. */
export function validatePodUpdate(
  next: Readonly<Record<string, unknown>>,
  old: Readonly<Record<string, unknown>>,
): ErrorDetail[] {
  const spec = part(next, 'spec');
  const before = part(old, 'spec');
  const details: ErrorDetail[] = [];
  for (const list of ['containers', 'initContainers'] as const) {
    if (items(spec, list).length !== items(before, list).length)
      return [forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
  }
  const deadline = spec.activeDeadlineSeconds;
  const earlier = before.activeDeadlineSeconds;
  if (typeof earlier === 'number' && (typeof deadline !== 'number' || deadline > earlier))
    details.push(
      invalid(
        'spec.activeDeadlineSeconds',
        deadline,
        typeof deadline === 'number'
          ? `must be less than or equal to previous value`
          : 'must not update from a positive integer to nil value',
      ),
    );
  const kept = items(before, 'tolerations').every((toleration) =>
    items(spec, 'tolerations').some((each) =>
      equalJson({ ...each, tolerationSeconds: 0 }, { ...toleration, tolerationSeconds: 0 }),
    ),
  );
  if (!kept)
    details.push(
      forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  const gates = new Set(items(before, 'schedulingGates').map(({ name }) => name));
  for (const [index, { name }] of items(spec, 'schedulingGates').entries())
    if (!gates.has(name))
      details.push(
        forbidden(
          `spec.schedulingGates[${index}]`,
          `only deletion is allowed, but found new scheduling gate '${name}'`,
        ),
      );
  if (!equalJson(fixed(spec, before), fixed(before, before))) details.push(forbidden('spec', MAY));
  return details;
}

/** The spec with what may change set to what it was. */
function fixed(spec: JsonObject, before: JsonObject): JsonObject {
  const copy = cloneJson(spec);
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates'] as const) {
    if (before[field] === undefined) delete copy[field];
    else copy[field] = before[field];
  }
  // A negative grace was once allowed and means the shortest there is.
  if (copy.terminationGracePeriodSeconds === 1 && Number(before.terminationGracePeriodSeconds) < 0)
    copy.terminationGracePeriodSeconds = before.terminationGracePeriodSeconds;
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, container] of items(copy, list).entries())
      container.image = items(before, list)[index]?.image;
  }
  return copy;
}
