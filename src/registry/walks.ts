import { applyDefaults as schemaDefaults } from '../api/apply-defaults.ts';
import { type Conformed, conform, strictDecodingError } from '../api/conform.ts';
import { customDefaults } from '../api/custom/defaults.ts';
import { prune } from '../api/custom/prune.ts';
import { cloneJson, isJsonObject } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind, type KindTable } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
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
 * @throws BadRequest when it is no object of the kind.
 */
export function conformPatched(
  kind: Kind,
  value: unknown,
  from: { readonly context: RequestContext; readonly current?: Readonly<ApiObject> },
): ApiObject {
  const owners = from.current?.metadata.managedFields;
  if (owners === undefined || !isJsonObject(value)) return conformObject(kind, value, from.context);
  const { metadata } = value;
  if (!isJsonObject(metadata) || metadata.managedFields !== owners)
    return conformObject(kind, value, from.context);
  const { managedFields: _owners, ...rest } = metadata;
  const object = conformObject(kind, { ...value, metadata: rest }, from.context);
  object.metadata.managedFields = owners;
  return object;
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
  if (sub === undefined || sub.kind === kind.kind) return conformObject(kind, body.object, body.context);
  const schema = kinds.schemaOf(apiVersionOf(sub), sub.kind);
  if (schema === undefined) return withMetadata(cloneJson(body.object) as ApiObject);
  return conformObject({ kind: sub.kind, version: sub.version, schema }, body.object, body.context);
}

/** Unknown fields are dropped with a warning, or refused, as the request wants it. */
function conformObject(kind: Decoded, value: unknown, context: RequestContext): ApiObject {
  const { value: object, unknown, wrong } = decode(kind, value);
  if (wrong.length > 0)
    throw new AmphoraError(
      'BadRequest',
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${wrong.map((fault) => fault.message).join('; ')}`,
    );
  if (unknown.length > 0 && context.fieldValidation !== 'Ignore') {
    const message = strictDecodingError(unknown);
    if (context.fieldValidation === 'Strict') throw new AmphoraError('BadRequest', message);
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
