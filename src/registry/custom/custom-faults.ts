import { embeddedFaults } from '../../api/custom/embedded.ts';
import type { CustomFacts } from '../../api/custom/facts.ts';
import { invalidWhole, NO_FIELD } from '../../api/custom/faults.ts';
import { listTypeFaults } from '../../api/custom/list-types.ts';
import { validateNode } from '../../api/custom/validate.ts';
import type { ApiObject, Kind } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import type { ValidatedChange } from '../validate.ts';
import { scaleFaults } from './scale-faults.ts';

/** Rules are not evaluated on what has one of these: upstream's. */
const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** What a CRD says against an object, besides its metadata. What a change leaves as it was is forgiven. */
export function customFaults(
  kind: Kind,
  custom: CustomFacts,
  { object, change }: { readonly object: Readonly<ApiObject>; readonly change: ValidatedChange | undefined },
): ErrorDetail[] {
  const faults =
    change?.subresource === 'status'
      ? statusFaults(custom, object, change.old)
      : [...validateNode(custom.root, object, change?.old), ...embeddedFaults(custom.root, object)];
  faults.push(...scaleFaults(kind.scalePaths, object, change?.subresource === 'status'));
  faults.push(...newListFaults(custom, object, change?.old));
  if (custom.checkRules === undefined) return faults;
  if (faults.some(({ reason }) => BLOCKING.has(reason)))
    return [...faults, invalidWhole(NO_FIELD, `null: ${NOT_CHECKED}`)];
  return [...faults, ...custom.checkRules(object, change?.old)];
}

/** A write to `/status` answers for nothing else. */
function statusFaults(
  { root }: CustomFacts,
  object: Readonly<ApiObject>,
  old: Readonly<ApiObject>,
): ErrorDetail[] {
  const node = root.fields.get('status');
  if (node === undefined || object.status === undefined) return [];
  const faults =
    old.status === undefined
      ? validateNode(node, object.status)
      : validateNode(node, object.status, old.status);
  return faults.map((fault) => ({
    ...fault,
    field: fault.field === NO_FIELD ? 'status' : `status.${fault.field}`,
  }));
}

/** Lists that held something twice before may go on doing so. */
function newListFaults(
  { root }: CustomFacts,
  object: Readonly<ApiObject>,
  old: Readonly<ApiObject> | undefined,
): ErrorDetail[] {
  const faults = listTypeFaults(root, object, old);
  if (faults.length === 0 || old === undefined) return faults;
  return listTypeFaults(root, old).length > 0 ? [] : faults;
}
