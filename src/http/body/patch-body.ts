import { isJsonObject } from '../../api/json.ts';
import type { Kind } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { invalidPatch } from '../../registry/faults.ts';
import type { Patch } from '../../registry/registry.ts';
import type { Exchange } from '../exchange.ts';
import { booleanOption } from '../verbs/context.ts';
import { decodeYaml, mediaType, unsupported } from './decode.ts';
import { type Decoded, decodeJson } from './json.ts';
import { readBody } from './read-body.ts';

const PATCH_TYPES: ReadonlyArray<readonly [mediaType: string, type: Patch['type']]> = [
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
];

/** A custom kind has no strategic merge: nothing says how its lists merge. @throws UnsupportedMediaType */
export function patchTypeOf(exchange: Exchange, kind: Kind): Patch['type'] {
  const type = mediaType(exchange.headers['content-type']);
  const found = PATCH_TYPES.find(([name]) => name === type);
  if (found !== undefined && !(found[1] === 'strategic' && kind.custom !== undefined)) return found[1];
  const known = PATCH_TYPES.filter(([, each]) => each !== 'strategic' || kind.custom === undefined);
  throw unsupported(known.map(([name]) => name));
}

/** @throws BadRequest, TooLarge */
export async function patchBody(exchange: Exchange, type: Patch['type']): Promise<Patch> {
  const bytes = await readBody(exchange);
  // kubectl sends JSON under the YAML type; JSON is a part of YAML and much faster to read.
  const isJson = type !== 'apply' || /^\s*\{/.test(bytes.toString('latin1', 0, 64));
  const decoded = isJson ? decodeJson(bytes) : await decodeYaml(bytes);
  if (type === 'json') {
    const operations = operationsOf(decoded.value);
    reportStrict(exchange, type, decoded);
    return { type, operations };
  }
  const value = objectOf(decoded.value);
  reportStrict(exchange, type, decoded);
  return type === 'apply' ? { type, value, force: booleanOption(exchange.query, 'force') } : { type, value };
}

/** What `fieldValidation` says of the patch itself: keys that stand twice, and members no operation has. */
function reportStrict(exchange: Exchange, type: Patch['type'], decoded: Decoded): void {
  const mode = exchange.query.get('fieldValidation') || 'Warn';
  if (mode === 'Ignore') return;
  const of = type === 'json' ? 'json patch ' : '';
  const faults = decoded.duplicates.map((path) => `${of}duplicate field ${JSON.stringify(path)}`);
  if (type === 'json') faults.push(...foreignMembers(decoded.value).map((fault) => `${of}${fault}`));
  if (faults.length === 0) return;
  if (mode !== 'Strict') {
    for (const fault of faults) exchange.warn(fault);
    return;
  }
  const all = faults.join(', ');
  if (type === 'apply') throw new AmphoraError('BadRequest', `error strict decoding patch: ${all}`);
  throw invalidPatch(decoded.value, `strict decoding error: ${all}`);
}

const OPERATION: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value']);
const MOST_FAULTS = 16;

function foreignMembers(operations: unknown): string[] {
  if (!Array.isArray(operations)) return [];
  return operations
    .flatMap((operation: unknown, index) =>
      isJsonObject(operation)
        ? Object.keys(operation).flatMap((key) =>
            OPERATION.has(key) ? [] : [`unknown field ${JSON.stringify(`[${index}].${key}`)}`],
          )
        : [],
    )
    .slice(0, MOST_FAULTS);
}

function operationsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value))
    throw new AmphoraError('BadRequest', 'a JSON patch must be a list of operations');
  return value;
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AmphoraError('BadRequest', 'the patch must be one object');
  return value as Record<string, unknown>; // Any JSON object is one.
}
