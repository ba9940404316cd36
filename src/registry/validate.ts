import type { ApiObject } from '../api/kind.ts';
import { validateObjectMeta } from '../api/meta-validation.ts';
import { validateSchema } from '../api/validate-schema.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import { customFaults } from './custom/custom-faults.ts';
import { forbidden } from './field-errors.ts';
import type { StoredKind } from './parts.ts';

/** What is written over what; left out: the object is new. */
export interface ValidatedChange {
  readonly old: Readonly<ApiObject>;
  readonly subresource: string;
}

/** Everything that is wrong with an object by itself: metadata, schema, and what its strategy knows. */
export function validateObject(
  kind: StoredKind,
  object: Readonly<ApiObject>,
  change?: ValidatedChange,
): ErrorDetail[] {
  const details = [...validateObjectMeta(object.metadata, kind.stored)];
  if (kind.stored.custom !== undefined)
    return [...details, ...customFaults(kind.stored, kind.stored.custom, { object, change })];
  details.push(...validateSchema(kind.stored.schema, object));
  details.push(...(kind.strategy.validate?.(object, { kind: kind.stored, asked: kind.asked, change }) ?? []));
  return unique(details);
}

/** Everything that is wrong with a change. */
export function validateUpdate(
  kind: StoredKind,
  change: {
    readonly object: Readonly<ApiObject>;
    readonly old: Readonly<ApiObject>;
    readonly subresource: string;
  },
): ErrorDetail[] {
  const { object, old, subresource } = change;
  const details: ErrorDetail[] = [];
  if (old.metadata.deletionTimestamp !== undefined) details.push(...addedFinalizers(object, old));
  if (subresource === '') details.push(...(kind.strategy.validateUpdate?.(object, old, kind.asked) ?? []));
  else details.push(...(kind.strategy.validateSubresource?.[subresource]?.(object, old) ?? []));
  return details;
}

/** What is being deleted may lose finalizers and not gain any. */
function addedFinalizers(object: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const before = new Set(old.metadata.finalizers);
  const added = (object.metadata.finalizers ?? []).filter((name) => !before.has(name));
  if (added.length === 0) return [];
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  return [forbidden('metadata.finalizers', why)];
}

/** A schema and a strategy may both miss the same field: the one that says why counts. */
function unique(details: ErrorDetail[]): ErrorDetail[] {
  if (details.length < 2) return details;
  const found = new Map<string, ErrorDetail>();
  for (const [index, detail] of details.entries()) {
    const isMissing = detail.reason === 'FieldValueRequired';
    const key = isMissing ? detail.field : `${index}`;
    const known = found.get(key);
    if (known === undefined || known.message.length < detail.message.length) found.set(key, detail);
  }
  return [...found.values()];
}
