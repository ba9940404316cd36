import { type JsonObject, setMember } from '../api/json.ts';
import { fault } from './faults.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import type { CelType } from './types.ts';
import { Double, isPlainObject } from './values.ts';

type Adapter = (raw: unknown) => unknown;

/** Turns a decoded JSON value into the CEL value its type asks for; undefined where it is one already. */
export function adapterOf(type: CelType): Adapter | undefined {
  switch (type.kind) {
    case 'dyn':
      return adaptAny;
    case 'double':
      return (raw) => (typeof raw === 'number' ? new Double(raw) : raw);
    case 'timestamp':
      return (raw) => (typeof raw === 'string' ? parseTimestamp(raw) : raw);
    case 'duration':
      return (raw) => (typeof raw === 'string' ? parseDuration(raw) : raw);
    case 'bytes':
      return (raw) => (typeof raw === 'string' ? decodeBase64(raw) : raw);
    case 'list':
      return type.item.kind === 'dyn' ? undefined : adaptItems(adapterOf(type.item));
    case 'map':
      return type.value.kind === 'dyn' ? undefined : adaptMembers(adapterOf(type.value));
    default:
      return undefined;
  }
}

const INT64 = 2 ** 63;

/** A number without a schema: an int when it is whole. */
function adaptAny(raw: unknown): unknown {
  if (typeof raw !== 'number') return raw;
  return Number.isInteger(raw) && Math.abs(raw) < INT64 ? raw : new Double(raw);
}

function adaptItems(adapt: Adapter | undefined): Adapter | undefined {
  if (adapt === undefined) return undefined;
  return (raw) => (Array.isArray(raw) ? raw.map(adapt) : raw);
}

function adaptMembers(adapt: Adapter | undefined): Adapter | undefined {
  if (adapt === undefined) return undefined;
  return (raw) => {
    if (!isPlainObject(raw)) return raw;
    const copy: JsonObject = {};
    for (const [key, value] of Object.entries(raw)) setMember(copy, key, adapt(value));
    return copy;
  };
}

function decodeBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw fault('illegal base64 data');
  return Buffer.from(text, 'base64');
}
