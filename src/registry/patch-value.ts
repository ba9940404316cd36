import { isJsonObject } from '../api/json.ts';
import { jsonPatch } from '../api/json-patch.ts';
import { mergePatch } from '../api/merge-patch.ts';
import type { Schema } from '../api/schema.ts';
import { strategicMerge } from '../api/strategic-merge.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { Patch } from './registry.ts';

/** What a patch makes of a decoded value. @throws BadRequest, Invalid when it does not apply. */
export function patchValue(
  schema: Schema | undefined,
  value: unknown,
  patch: Exclude<Patch, { type: 'apply' }>,
): unknown {
  if (patch.type === 'json') return jsonPatch(value, patch.operations);
  if (patch.type === 'merge' || schema === undefined) return mergePatch(value, patch.value);
  if (!isJsonObject(value)) throw new AmphoraError('Internal', 'a strategic merge needs an object');
  return strategicMerge(schema, value, patch.value);
}
