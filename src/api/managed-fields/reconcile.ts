import type { Schema } from '../schema.ts';
import { type Entry, withFields } from './entry.ts';
import { FIELD, type FieldSet, SELF } from './field-set.ts';
import type { VersionOf } from './kind-versions.ts';
import { memberStep } from './walk.ts';

/**
 * Entries in terms of the schema as it is now: who owned parts of what has become atomic since owns it whole. The other
 * way round nothing is done, as upstream. The same list where nothing changed.
 */
export function reconcile(entries: readonly Entry[], versionOf: VersionOf): readonly Entry[] {
  const reconciled = entries.map((entry) => {
    const version = versionOf(entry.apiVersion);
    const fields = version === undefined ? entry.fieldsV1 : below(version.schema, entry.fieldsV1);
    return fields === entry.fieldsV1 ? entry : withFields(entry, fields);
  });
  return reconciled.every((entry, index) => entry === entries[index]) ? entries : reconciled;
}

function below(schema: Schema, set: FieldSet): FieldSet {
  let changed: FieldSet | undefined;
  for (const name of Object.keys(set)) {
    const at = set[name];
    if (name === SELF || at === undefined) continue;
    const made = place(schemaBelow(schema, name), at);
    if (made === at) continue;
    changed ??= { ...set };
    changed[name] = made;
  }
  return changed ?? set;
}

function place(schema: Schema | undefined, at: FieldSet): FieldSet {
  if (schema === undefined || !Object.keys(at).some((name) => name !== SELF)) return at;
  return isAtomic(schema) ? FIELD : below(schema, at);
}

function isAtomic(schema: Schema): boolean {
  if (schema.type === 'array') return schema.listType === 'atomic';
  return (schema.type === 'object' || schema.type === 'map') && schema.atomic === true;
}

function schemaBelow(schema: Schema, name: string): Schema | undefined {
  if (schema.type === 'array') return schema.items;
  if (!name.startsWith('f:')) return undefined;
  const step = memberStep(schema, name.slice(2));
  return step.schema.type === 'any' ? undefined : step.schema;
}
