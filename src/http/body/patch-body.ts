import type { Kind } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Patch } from '../../registry/registry.ts';
import type { Exchange } from '../exchange.ts';
import { booleanOption } from '../verbs/context.ts';
import { decodeYaml, mediaType, reportDuplicates, unsupported } from './decode.ts';
import { decodeJson } from './json.ts';
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
  reportDuplicates(exchange, decoded);
  if (type === 'json') return { type, operations: operationsOf(decoded.value) };
  const value = objectOf(decoded.value);
  if (type !== 'apply') return { type, value };
  return { type, value, force: booleanOption(exchange.query, 'force') };
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
