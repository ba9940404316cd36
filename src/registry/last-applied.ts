import { isJsonObject, isNestedDeeper, type JsonObject } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind } from '../api/kind.ts';
import { compare } from '../api/managed-fields/compare.ts';
import { type FieldSet, without } from '../api/managed-fields/field-set.ts';
import { fieldsOf } from '../api/managed-fields/fields-of.ts';
import { LIMITS } from '../lib/limits.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** Whose server-side apply goes on with what its client-side apply began. */
const MANAGER = 'kubectl';

/**
 * Fields that kubectl applied on its side and nobody changed since: its first server-side apply takes them over.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#migration-between-client-side-and-server-side-apply
 */
export function fieldsLastApplied(kind: Kind, live: Readonly<ApiObject>, manager: string): FieldSet {
  const text = manager === MANAGER ? live.metadata.annotations?.[ANNOTATION] : undefined;
  const last = text === undefined || text === '' ? undefined : parse(text);
  if (last === undefined || last.apiVersion !== apiVersionOf(kind)) return {};
  const difference = compare(kind.schema, last, live);
  return without(without(fieldsOf(kind.schema, last), difference?.changed ?? {}), difference?.removed ?? {});
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && !isNestedDeeper(value, LIMITS.nesting) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The object with what was applied in the annotation of client-side apply, where it has one: so one can go back to that. */
export function withLastApplied(
  object: Readonly<ApiObject>,
  from: { readonly config: Readonly<JsonObject>; readonly manager: string },
): Readonly<ApiObject> {
  const { annotations } = object.metadata;
  if (from.manager !== MANAGER || !annotations?.[ANNOTATION]) return object;
  const text = `${JSON.stringify(withoutAnnotation(from.config))}\n`;
  const metadata = { ...object.metadata, annotations: { ...annotations, [ANNOTATION]: text } };
  return { ...object, metadata };
}

function withoutAnnotation(config: Readonly<JsonObject>): JsonObject {
  const { metadata } = config;
  if (!isJsonObject(metadata) || !isJsonObject(metadata.annotations)) return config;
  const { [ANNOTATION]: _last, ...annotations } = metadata.annotations;
  return { ...config, metadata: { ...metadata, annotations } };
}
