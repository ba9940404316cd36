import { applyDefaults as schemaDefaults } from '../api/apply-defaults.ts';
import { conform, strictDecodingError } from '../api/conform.ts';
import type { ApiObject, Kind } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { RequestContext } from './registry.ts';

/** The object with what its kind's schema says a missing field means. */
export function withDefaults(kind: Kind, object: ApiObject): ApiObject {
  return schemaDefaults(kind.schema, object) as ApiObject; // The walk keeps what it does not fill in.
}

/**
 * What a patch made, decoded as a request body is: unknown fields are dropped with a warning, or refused.
 * @throws BadRequest when it is no object of the kind.
 */
export function conformPatched(kind: Kind, value: unknown, context: RequestContext): ApiObject {
  const { value: object, unknown, wrong } = conform(kind.schema, value);
  if (wrong.length > 0)
    throw new AmphoraError(
      'BadRequest',
      `the patched object is no ${kind.kind}: ${wrong.map((fault) => fault.message).join('; ')}`,
    );
  if (unknown.length > 0 && context.fieldValidation !== 'Ignore') {
    const message = strictDecodingError(unknown);
    if (context.fieldValidation === 'Strict') throw new AmphoraError('BadRequest', message);
    for (const path of unknown) context.warn(`unknown field "${path}"`);
  }
  const patched = object as ApiObject; // It conforms to the kind's schema.
  if (typeof patched.metadata !== 'object')
    throw new AmphoraError('BadRequest', 'the patched object has no metadata');
  return patched;
}
