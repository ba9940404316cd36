import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { CollectionTarget } from '../registry.ts';
import { bench, kindOf } from './bench.ts';

export type Fields = Record<string, unknown>;

/** `apps/v1/deployments`, `v1/pods`. */
export function targetOf(path: string): CollectionTarget {
  const parts = path.split('/');
  const [resource = '', version = '', group = ''] = parts.reverse();
  const kind = kindOf(group, version, resource);
  return { kind, namespace: kind.namespaced ? 'default' : '' };
}

/** What is wrong with an object that is to be made, as `field: message`; empty when it is made. */
export async function refusalsOf(path: string, fields: Fields): Promise<readonly string[]> {
  const { registry, context } = bench();
  return await causesOf(() => registry.create(context, targetOf(path), objectOf(fields)));
}

/** What is wrong with a change: the object is made as `before` and written as `after`. */
export async function changeRefusalsOf(
  path: string,
  before: Fields,
  { after, status }: { readonly after: Fields; readonly status?: Fields },
): Promise<readonly string[]> {
  const { registry, context } = bench();
  const target = targetOf(path);
  const made = await registry.create(context, target, objectOf(before));
  const { name } = made.metadata();
  if (status !== undefined)
    await registry.update(
      context,
      { ...target, name, subresource: 'status' },
      {
        ...made.object(),
        metadata: { ...made.metadata(), resourceVersion: '' },
        status,
      },
    );
  const next = merged(merged({}, made.object()) as Fields, after) as ApiObject;
  next.metadata.resourceVersion = String((await registry.get(context, { ...target, name }, {})).revision);
  return await causesOf(() => registry.update(context, { ...target, name }, next));
}

async function causesOf(call: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await call();
    return [];
  } catch (error) {
    if (!(error instanceof AmphoraError) || error.code !== 'Invalid') throw error;
    return error.details.map(({ field, message }) => `${field}: ${message}`);
  }
}

function objectOf(fields: Fields): ApiObject {
  return merged({ metadata: { name: 'a' } }, fields) as ApiObject; // The tests say the rest.
}

/** A deep copy of `base` with `change` put over it; undefined takes a member away, lists are replaced. */
export function merged(base: unknown, change: unknown): unknown {
  if (!isFields(change)) return change;
  const result: Fields = isFields(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
