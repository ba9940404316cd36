import { isJsonObject, type JsonObject, memberPath, setMember } from './json.ts';
import { conformScalar, kindOfJson, type Mismatch } from './scalars.ts';
import type { ArraySchema, Field, ObjectSchema, Schema } from './schema.ts';

export interface Conformed {
  /** A new value: what the schema knows of the one given, in canonical form. */
  readonly value: unknown;
  /** Paths of the fields that were dropped, such as `spec.containers[0].imagee`. */
  readonly unknown: readonly string[];
  /** Values that cannot be decoded; when there are any, `value` must not be used. */
  readonly wrong: readonly WrongType[];
}

export interface WrongType {
  readonly field: string;
  readonly message: string;
}

/**
 * Decodes a JSON value by a schema as upstream's typed decoder does: unknown fields are dropped, null means
 * missing, quantities and times take their canonical form. `value` is not changed.
 */
export function conform(schema: Schema, value: unknown): Conformed {
  const walk = new Walk();
  return { value: walk.any(schema, value, ''), unknown: walk.unknown, wrong: walk.wrong };
}

/** `strict decoding error: unknown field "spec.foo"`, as upstream words it; the empty string where there is none. */
export function strictDecodingError(unknown: readonly string[]): string {
  if (unknown.length === 0) return '';
  return `strict decoding error: ${unknown.map((path) => `unknown field "${path}"`).join(', ')}`;
}

class Walk {
  readonly unknown: string[] = [];
  readonly wrong: WrongType[] = [];

  any(schema: Schema, value: unknown, path: string): unknown {
    switch (schema.type) {
      case 'any':
        return value;
      case 'object':
        return this.#object(schema, value, path);
      case 'array':
        return this.#array(schema, value, path);
      case 'map':
        return this.#map(schema.values, value, path);
      default:
        return this.#scalar(schema, value, path);
    }
  }

  #object(schema: ObjectSchema, value: unknown, path: string): unknown {
    if (!isJsonObject(value)) return this.#mismatch(path, { want: 'object', got: kindOfJson(value) });
    const copy: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
      const field = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined;
      if (field !== undefined) this.#field(field, { copy, key, member, path: memberPath(path, key) });
      else if (schema.preserveUnknown) setMember(copy, key, member);
      else this.unknown.push(memberPath(path, key));
    }
    return copy;
  }

  #field(field: Field, at: { copy: JsonObject; key: string; member: unknown; path: string }): void {
    if (at.member === null && field.nullable !== true && field.schema.type !== 'any') return;
    const kept = at.member === null ? null : this.any(field.schema, at.member, at.path);
    setMember(at.copy, at.key, kept);
  }

  #array(schema: ArraySchema, value: unknown, path: string): unknown {
    if (!Array.isArray(value)) return this.#mismatch(path, { want: 'array', got: kindOfJson(value) });
    return value.map((item, index) =>
      item === null ? zeroOf(schema.items) : this.any(schema.items, item, `${path}[${index}]`),
    );
  }

  #map(values: Schema, value: unknown, path: string): unknown {
    if (!isJsonObject(value)) return this.#mismatch(path, { want: 'object', got: kindOfJson(value) });
    const copy: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
      setMember(
        copy,
        key,
        member === null ? zeroOf(values) : this.any(values, member, memberPath(path, key)),
      );
    }
    return copy;
  }

  #scalar(schema: Schema, value: unknown, path: string): unknown {
    const kept = conformScalar(schema, value);
    return 'want' in kept ? this.#mismatch(path, kept) : kept.value;
  }

  #mismatch(field: string, { want, got, why }: Mismatch): undefined {
    const message =
      why ?? `json: cannot unmarshal ${got} into field ${field === '' ? '(root)' : field} of type ${want}`;
    this.wrong.push({ field, message });
    return undefined;
  }
}

/** What null means as an item of a list or a map: upstream's decoder leaves the zero value. */
function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case 'object':
    case 'map':
      return {};
    case 'array':
      return [];
    case 'integer':
    case 'number':
    case 'int-or-string':
      return 0;
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    case 'any':
    case 'time':
      return null;
    default:
      return '';
  }
}
