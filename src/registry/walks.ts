import { applyDefaults as schemaDefaults } from '../api/apply-defaults.ts';
import { type Conformed, conform, strictDecodingError } from '../api/conform.ts';
import { customDefaults } from '../api/custom/defaults.ts';
import { prune } from '../api/custom/prune.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind, type KindTable } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import { invalidPatch } from './faults.ts';
import type { RequestContext } from './registry.ts';

/** The object with what its kind's schema says a missing field means. */
export function withDefaults(kind: Kind, object: ApiObject): ApiObject {
  const { custom } = kind;
  const filled =
    custom === undefined ? schemaDefaults(kind.schema, object) : customDefaults(custom.root, object);
  return filled as ApiObject; // The walk keeps what it does not fill in.
}

/** Gives what admission added to a custom object its defaults, in place. */
export function fillDefaults({ custom }: Kind, object: ApiObject): void {
  if (custom === undefined || !custom.root.has.defaults) return;
  const filled = customDefaults(custom.root, object) as ApiObject; // As above.
  if (filled !== object) Object.assign(object, filled);
}

/**
 * What a patch made, decoded as a request body is. Owners that it left as they were are not looked at again.
 * @throws Invalid when it is no object of the kind.
 */
export function conformPatched(
  kind: Kind,
  value: unknown,
  from: { readonly context: RequestContext; readonly current?: Readonly<ApiObject> },
): ApiObject {
  const decoding: Decoding = { context: from.context, refuse: (why) => invalidPatch(value, why) };
  const patched = isJsonObject(value) ? ofKind(kind, value) : value;
  const owners = from.current?.metadata.managedFields;
  if (owners === undefined || !isJsonObject(patched)) return conformObject(kind, patched, decoding);
  const { metadata } = patched;
  if (!isJsonObject(metadata) || metadata.managedFields !== owners)
    return conformObject(kind, patched, decoding);
  const { managedFields: _owners, ...rest } = metadata;
  const object = conformObject(kind, { ...patched, metadata: rest }, decoding);
  object.metadata.managedFields = owners;
  return object;
}

/** A patch may take away what says which kind it is, but not change it. @throws BadRequest */
function ofKind(kind: Kind, value: JsonObject): JsonObject {
  const wanted = { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  const { kind: is = wanted.kind, apiVersion = wanted.apiVersion } = value;
  if (is !== wanted.kind || apiVersion !== wanted.apiVersion)
    throw new AmphoraError(
      'BadRequest',
      `the patched object is a ${String(is)} of ${String(apiVersion)}, and a ${wanted.kind} of ${wanted.apiVersion} cannot become one`,
    );
  return { ...value, ...wanted };
}

/**
 * A request's body, decoded by the schema of what it is: the kind, or what its subresource takes. The caller's
 * value is not changed. @throws BadRequest
 */
export function conformBody(
  kinds: KindTable,
  target: { readonly kind: Kind; readonly subresource?: string },
  body: { readonly object: unknown; readonly context: RequestContext },
): ApiObject {
  const { kind, subresource } = target;
  const sub = kind.subresources.find(({ name }) => name === subresource);
  const decoding: Decoding = {
    context: body.context,
    refuse: (why) => new AmphoraError('BadRequest', why),
  };
  if (sub === undefined || sub.kind === kind.kind) return conformObject(kind, body.object, decoding);
  const schema = kinds.schemaOf(apiVersionOf(sub), sub.kind);
  if (schema === undefined) return withMetadata(cloneJson(body.object) as ApiObject);
  return conformObject({ kind: sub.kind, version: sub.version, schema }, body.object, decoding);
}

interface Decoding {
  readonly context: RequestContext;
  /** The error for what cannot be decoded. */
  readonly refuse: (why: string) => AmphoraError;
}

/** Unknown fields are dropped with a warning, or refused, as the request wants it. */
function conformObject(kind: Decoded, value: unknown, { context, refuse }: Decoding): ApiObject {
  const { value: object, unknown, wrong } = decode(kind, value);
  if (wrong.length > 0)
    throw refuse(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${wrong.map((fault) => fault.message).join('; ')}`,
    );
  if (unknown.length > 0 && context.fieldValidation !== 'Ignore') {
    if (context.fieldValidation === 'Strict') throw refuse(strictDecodingError(unknown));
    for (const path of unknown) context.warn(`unknown field ${JSON.stringify(path)}`);
  }
  return withMetadata(object as ApiObject); // It conforms to the kind's schema.
}

type Decoded = Pick<Kind, 'kind' | 'schema' | 'version' | 'custom'>;

/** A custom object is not typed before it is validated: only what its schema knows, and its metadata, is sorted out. */
function decode({ schema, custom }: Decoded, value: unknown): Conformed {
  if (custom === undefined || !isJsonObject(value)) return conform(schema, value);
  return prune(custom.root, value, custom.meta);
}

function withMetadata(object: ApiObject): ApiObject {
  return object.metadata === undefined ? { ...object, metadata: { name: '' } } : object;
}
