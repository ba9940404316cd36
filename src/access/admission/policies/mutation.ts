import { isJsonObject } from '../../../api/json.ts';
import { jsonPatch, PatchTestFailed } from '../../../api/json-patch.ts';
import { apiVersionOf, type Kind } from '../../../api/kind.ts';
import { checkConfig } from '../../../api/managed-fields/check-config.ts';
import { merge } from '../../../api/managed-fields/merge.ts';
import type { ObjectSchema } from '../../../api/schema.ts';
import { CelFault } from '../../../cel/faults.ts';
import { toJson } from '../../../cel/to-json.ts';
import { Struct } from '../../../cel/values.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import { isDeep } from '../../webhooks/caller.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Activation } from './activation.ts';
import { atomicPaths, mismatchedType } from './apply-configuration.ts';
import type { CompiledMutation } from './mutating.ts';

/**
 * What a mutation makes of the object, in the version of `as`; undefined: nothing.
 * @throws Invalid with what is wrong with the expression or its result
 */
export function applyMutation(
  { type, program }: CompiledMutation,
  { values, budget }: Activation,
  at: { readonly request: AdmissionRequest; readonly as: Kind },
): unknown {
  const { value, fault } = program.evaluate(values, budget);
  if (fault !== undefined) throw wrong(`expression '${program.source}' resulted in error: ${fault}`);
  const object: unknown = values.object;
  const made = type === 'JSONPatch' ? patched(object, value) : applied(object, value, at);
  if (made !== undefined && (isDeep(made) || JSON.stringify(made).length > LIMITS.requestBodyBytes))
    throw wrong('the mutated object is too large or too deep');
  return made;
}

function applied(
  object: unknown,
  value: unknown,
  { request, as }: { readonly request: AdmissionRequest; readonly as: Kind },
): unknown {
  if (!(value instanceof Struct))
    throw wrong('unsupported return type from ApplyConfiguration expression: it must be Object');
  checkTypes(value);
  const kind = request.bodyKind ?? as;
  const schema =
    request.bodyKind === undefined ? as.schema : request.kinds.schemaOf(apiVersionOf(kind), kind.kind);
  if (schema === undefined) throw wrong(`Resource kind ${apiVersionOf(kind)}, Kind=${kind.kind} not found`);
  const patch = json(value);
  checkPatch(schema, patch);
  return merge(schema, object, patch);
}

function checkTypes(value: Struct): void {
  const mismatch = mismatchedType(value);
  if (mismatch !== undefined) throw wrong(`type mismatch: ${mismatch}`);
}

function checkPatch(schema: ObjectSchema, patch: unknown): void {
  const [first] = checkConfig(schema, patch);
  if (first !== undefined)
    throw wrong(`error applying patch: failed to convert patch object to typed object: ${first}`);
  const paths = atomicPaths(schema, patch);
  if (paths.length > 0)
    throw wrong(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${paths.join(', ')}`,
    );
}

/** A patch whose `test` fails is not applied, and that is no error. */
function patched(object: unknown, value: unknown): unknown {
  if (!Array.isArray(value)) throw wrong('type mismatch: JSONPatchType.expression should evaluate to array');
  const operations = value.map((item: unknown) => {
    if (!(item instanceof Struct) || item.name !== 'JSONPatch')
      throw wrong('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
    const given = item.fields.get('value');
    if (given instanceof Struct) checkTypes(given);
    return json(item);
  });
  try {
    return jsonPatch(object, operations);
  } catch (error) {
    if (error instanceof PatchTestFailed) return undefined;
    throw wrong(`JSONPath: ${AmphoraError.from(error).message}`);
  }
}

function json(value: unknown): Record<string, unknown> {
  try {
    const made = toJson(value);
    if (isJsonObject(made)) return made;
  } catch (error) {
    if (!(error instanceof CelFault)) throw error;
    throw wrong(`the result could not be written as JSON: ${error.message}`);
  }
  throw wrong('the result is no object');
}

function wrong(why: string): AmphoraError {
  return new AmphoraError('Invalid', why);
}
