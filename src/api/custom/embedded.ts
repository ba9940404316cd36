import type { ErrorDetail } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { ObjectMeta } from '../kind.ts';
import { dns1035Label, pathSegmentName, validateMeta } from '../meta-validation.ts';
import { invalid, required } from './faults.ts';
import type { Node } from './node.ts';

/** What is wrong with the type and metadata of resources embedded in a value. */
export function embeddedFaults(node: Node, value: unknown, path = ''): ErrorDetail[] {
  if (!node.has.embedded) return [];
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined
      ? []
      : value.flatMap((item, at) => embeddedFaults(items, item, `${path}[${at}]`));
  }
  if (!isJsonObject(value)) return [];
  const below = Object.entries(value).flatMap(([key, member]) => {
    const field = node.fields.get(key);
    if (field !== undefined) return embeddedFaults(field, member, within(path, key));
    return typeof node.values === 'object' ? embeddedFaults(node.values, member, `${path}[${key}]`) : [];
  });
  return node.embedded ? [...resourceFaults(value, path), ...below] : below;
}

function resourceFaults(value: JsonObject, path: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  for (const key of ['apiVersion', 'kind'] as const) {
    const at = within(path, key);
    const found = value[key];
    if (!Object.hasOwn(value, key)) faults.push(required(at));
    else if (typeof found !== 'string') faults.push(invalid(at, found, 'must be a string'));
    else if (found === '') faults.push(invalid(at, found, 'must not be empty'));
    else faults.push(...(key === 'kind' ? kindFaults(found, at) : versionFaults(found, at)));
  }
  const { metadata } = value;
  if (!isJsonObject(metadata)) return faults;
  const name = typeof metadata.name === 'string' && metadata.name !== '' ? metadata.name : 'fakename';
  // Decoded by the schema of metadata when the object came in.
  const meta = { ...metadata, name } as ObjectMeta;
  const namespaced = (meta.namespace ?? '') !== '';
  return [
    ...faults,
    ...validateMeta(meta, { rule: pathSegmentName, namespaced }).map((fault) => ({
      ...fault,
      field: within(path, fault.field),
    })),
  ];
}

function kindFaults(kind: string, path: string): ErrorDetail[] {
  const why = dns1035Label(kind.toLowerCase());
  return why.length === 0
    ? []
    : [invalid(path, kind, `may have mixed case, but should otherwise match: ${why.join(',')}`)];
}

function versionFaults(version: string, path: string): ErrorDetail[] {
  return version.split('/').length > 2
    ? [invalid(path, version, `unexpected GroupVersion string: ${version}`)]
    : [];
}

function within(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
