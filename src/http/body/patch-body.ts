import { AmphoraError } from '../../lib/errors.ts';
import type { Patch } from '../../registry/registry.ts';
import type { Exchange } from '../exchange.ts';
import { decodeYaml, mediaType, reportDuplicates, unsupported } from './decode.ts';
import { decodeJson } from './json.ts';
import { readBody } from './read-body.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const PATCH_TYPES = [JSON_PATCH, MERGE, STRATEGIC, APPLY];
/** As upstream: each operation may copy the whole object. */
const MAX_OPERATIONS = 10_000;

/** @throws UnsupportedMediaType, BadRequest, TooLarge */
export async function patchBody(exchange: Exchange): Promise<Patch> {
  const type = mediaType(exchange.headers['content-type']);
  if (!PATCH_TYPES.includes(type)) throw unsupported(PATCH_TYPES);
  const bytes = await readBody(exchange);
  // kubectl sends JSON under the YAML type; JSON is a part of YAML and much faster to read.
  const isJson = type !== APPLY || /^\s*\{/.test(bytes.toString('latin1', 0, 64));
  const decoded = isJson ? decodeJson(bytes) : await decodeYaml(bytes);
  reportDuplicates(exchange, decoded);
  if (type === JSON_PATCH) return { type: 'json', operations: operationsOf(decoded.value) };
  const value = objectOf(decoded.value);
  if (type !== APPLY) return { type: type === MERGE ? 'merge' : 'strategic', value };
  if (!exchange.query.get('fieldManager'))
    throw new AmphoraError(
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      {
        details: [
          {
            reason: 'FieldValueRequired',
            field: 'fieldManager',
            message: 'Required value: is required for apply patch',
          },
        ],
      },
    );
  const force = exchange.query.get('force');
  return { type: 'apply', value, force: force === 'true' || force === '1' };
}

function operationsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value))
    throw new AmphoraError('BadRequest', 'a JSON patch must be a list of operations');
  if (value.length > MAX_OPERATIONS)
    throw new AmphoraError(
      'TooLarge',
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${value.length}`,
    );
  return value;
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AmphoraError('BadRequest', 'the patch must be one object');
  return value as Record<string, unknown>; // Any JSON object is one.
}
