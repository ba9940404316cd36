import { type ApiObject, apiVersionOf, type Kind } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';

interface Expected {
  readonly kind: Kind;
  readonly subresource?: string;
  readonly namespace: string;
  /** Left out for a create in a collection. */
  readonly name?: string;
}

/** Checks that the body is an object of the kind, name and namespace that the URL says. @throws BadRequest */
export function objectBody(value: unknown, expected: Expected): ApiObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AmphoraError('BadRequest', 'the request body must be one object');
  const object = { ...value } as ApiObject; // Its fields are checked below and by the registry.
  const wanted = wantedKind(expected);
  object.apiVersion ??= wanted.apiVersion;
  object.kind ??= wanted.kind;
  if (object.apiVersion !== wanted.apiVersion)
    throw new AmphoraError(
      'BadRequest',
      `the API version in the data (${String(object.apiVersion)}) does not match the expected API version (${wanted.apiVersion})`,
    );
  if (object.kind !== wanted.kind)
    throw new AmphoraError(
      'BadRequest',
      `the kind in the data (${String(object.kind)}) does not match the kind of the URL (${wanted.kind})`,
    );
  object.metadata = checkedMetadata(object, expected);
  return object;
}

function wantedKind({ kind, subresource }: Expected): { apiVersion: string; kind: string } {
  const found = kind.subresources.find(({ name }) => name === subresource);
  const wanted = found ?? kind;
  return { apiVersion: apiVersionOf(wanted), kind: wanted.kind };
}

function checkedMetadata(object: ApiObject, { namespace, name }: Expected): ApiObject['metadata'] {
  const given: unknown = object.metadata ?? {};
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new AmphoraError('BadRequest', 'metadata must be an object');
  const metadata = { ...given } as ApiObject['metadata'];
  if (namespace !== '' && (metadata.namespace ?? '') !== '' && metadata.namespace !== namespace)
    throw new AmphoraError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  if (namespace !== '') metadata.namespace = namespace;
  if (name === undefined) return metadata;
  metadata.name ??= name;
  if (metadata.name === '') metadata.name = name;
  if (metadata.name !== name)
    throw new AmphoraError(
      'BadRequest',
      `the name of the object (${String(metadata.name)}) does not match the name on the URL (${name})`,
    );
  return metadata;
}
