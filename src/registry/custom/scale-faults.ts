import { invalid } from '../../api/custom/faults.ts';
import type { ApiObject, ScalePaths } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { valueAt } from '../fields.ts';

const MOST = 2 ** 31 - 1;

/** What is wrong with the fields that a custom kind's `scale` subresource reads. */
export function scaleFaults(
  paths: ScalePaths | undefined,
  object: Readonly<ApiObject>,
  statusOnly: boolean,
): ErrorDetail[] {
  if (paths === undefined) return [];
  const faults = statusOnly ? [] : countFaults(paths.replicas, object);
  faults.push(...countFaults(paths.statusReplicas, object));
  const { labelSelector } = paths;
  const selector = labelSelector === undefined ? undefined : valueAt(object, labelSelector);
  if (labelSelector !== undefined && selector !== undefined && typeof selector !== 'string')
    faults.push(invalid(labelSelector, '', `${labelSelector} accessor error: it is no string`));
  return faults;
}

function countFaults(path: string, object: Readonly<ApiObject>): ErrorDetail[] {
  const count = valueAt(object, path) ?? 0;
  if (typeof count !== 'number' || !Number.isInteger(count))
    return [invalid(path, 0, `${path} accessor error: it is no integer`)];
  if (count < 0) return [invalid(path, count, 'should be a non-negative integer')];
  return count > MOST ? [invalid(path, count, `should be less than or equal to ${MOST}`)] : [];
}
