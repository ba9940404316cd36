import { mayFill } from './apply-defaults.ts';
import { FIELD_FACTS, type FieldFacts } from './field-facts.ts';
import type { ArraySchema, Field, ObjectSchema, Schema } from './schema.ts';

/** A definition as `tools/generate/kinds.ts` writes it; that file describes the codes. */
export interface DefinitionFacts {
  /** `group/version/kind` of what can stand alone in a body. */
  readonly k?: string;
  readonly r?: readonly string[];
  readonly a?: 1;
  readonly f: Readonly<Record<string, string>>;
}

/** Schemas of the built-in definitions, expanded when somebody looks into them and then remembered. */
export class Definitions {
  readonly #facts: Readonly<Record<string, DefinitionFacts>>;
  readonly #expanded = new Map<string, ObjectSchema>();
  readonly #byKind = new Map<string, string>();

  constructor(facts: Readonly<Record<string, DefinitionFacts>>) {
    this.#facts = facts;
    for (const [name, { k }] of Object.entries(facts)) if (k !== undefined) this.#byKind.set(k, name);
  }

  /** `apps/v1` or `v1`, and a kind. */
  ofKind(apiVersion: string, kind: string): ObjectSchema | undefined {
    const name = this.#byKind.get(`${apiVersion.includes('/') ? '' : '/'}${apiVersion}/${kind}`);
    return name === undefined ? undefined : this.get(name);
  }

  /** @throws RangeError for a name that is not in the table. */
  get(name: string): ObjectSchema {
    const known = this.#expanded.get(name);
    if (known !== undefined) return known;
    const facts = this.#facts[name];
    if (facts === undefined) throw new RangeError(`no definition ${name} in the generated table`);
    const made = new LazyObject(name, facts, (code) => this.#schema(code));
    this.#expanded.set(name, made);
    return made;
  }

  #schema(code: string): Schema {
    const rest = code.slice(1);
    if (code.startsWith('#')) return this.get(rest);
    if (code.startsWith('{')) return { type: 'map', values: this.#schema(rest) };
    if (code.startsWith('<')) return { type: 'map', values: this.#schema(rest), atomic: true };
    if (code.startsWith('[')) return this.#array(code);
    const scalar = SCALARS[code];
    if (scalar === undefined) throw new RangeError(`no meaning for the code ${code} in the generated table`);
    return scalar;
  }

  #array(code: string): ArraySchema {
    const end = code.indexOf(']');
    const [head = '', strategy = '', mergeKey = ''] = code.slice(1, end).split('|');
    const keys = head.slice(1);
    return {
      type: 'array',
      items: this.#schema(code.slice(end + 1)),
      listType: LIST_TYPES[head.charAt(0)] ?? 'atomic',
      mapKeys: keys === '' ? [] : keys.split(','),
      ...(isListStrategy(strategy) ? { patchStrategy: strategy } : {}),
      ...(mergeKey === '' ? {} : { mergeKey }),
    };
  }
}

const SCALARS: Readonly<Record<string, Schema>> = {
  s: { type: 'string' },
  i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' },
  n: { type: 'number' },
  b: { type: 'boolean' },
  t: { type: 'time', micro: false },
  T: { type: 'time', micro: true },
  y: { type: 'bytes' },
  q: { type: 'quantity' },
  o: { type: 'int-or-string' },
  '*': { type: 'any' },
};

const LIST_TYPES: Readonly<Record<string, ArraySchema['listType']>> = { a: 'atomic', s: 'set', m: 'map' };

function isListStrategy(word: string): word is NonNullable<ArraySchema['patchStrategy']> {
  return word === 'merge' || word === 'replace' || word === 'retainKeys' || word === 'merge,retainKeys';
}

const PARTS: ReadonlySet<string> = new Set(['metadata', 'spec', 'status']);

class LazyObject implements ObjectSchema {
  readonly type = 'object';
  readonly name: string;
  readonly required: readonly string[];
  readonly preserveUnknown = false;
  readonly atomic: boolean;
  readonly #brief: string;
  readonly #facts: DefinitionFacts;
  readonly #schemaOf: (code: string) => Schema;
  #fields: Readonly<Record<string, Field>> | undefined;
  #fills: boolean | undefined;

  constructor(brief: string, facts: DefinitionFacts, schemaOf: (code: string) => Schema) {
    this.name = `io.k8s.${brief}`;
    this.required = facts.r ?? [];
    this.atomic = facts.a === 1;
    this.#brief = brief;
    this.#facts = facts;
    this.#schemaOf = schemaOf;
  }

  get fields(): Readonly<Record<string, Field>> {
    this.#fields ??= this.#expand();
    return this.#fields;
  }

  /** Remembered. A definition that holds itself is taken to have defaults. */
  get fills(): boolean {
    if (this.#fills !== undefined) return this.#fills;
    this.#fills = true;
    this.#fills = Object.values(this.fields).some(
      (field) => field.default !== undefined || mayFill(field.schema),
    );
    return this.#fills;
  }

  #expand(): Readonly<Record<string, Field>> {
    const fields: Record<string, Field> = Object.create(null);
    for (const [name, code] of Object.entries(this.#facts.f)) fields[name] = this.#field(name, code);
    return fields;
  }

  /** What upstream's types hold by value: what is required, and the parts of what stands alone. */
  #isInline(name: string): boolean {
    return this.required.includes(name) || (this.#facts.k !== undefined && PARTS.has(name));
  }

  #field(name: string, code: string): Field {
    const [type = '', strategy] = code.split('!');
    const facts = FIELD_FACTS[this.#brief.replace(/^api\./, '')]?.[name];
    const schema = this.#schemaOf(type);
    return {
      schema: facts === undefined ? schema : withFacts(schema, facts),
      ...(facts?.optional === true ? { optional: true } : {}),
      ...(facts?.inline === true || this.#isInline(name) ? { inline: true } : {}),
      ...(facts?.default === undefined ? {} : { default: facts.default }),
      ...(strategy === 'retainKeys' || strategy === 'replace' ? { patchStrategy: strategy } : {}),
    };
  }
}

function withFacts(schema: Schema, facts: FieldFacts): Schema {
  if (schema.type === 'string' && facts.enum !== undefined) return { ...schema, enum: facts.enum };
  if (schema.type !== 'array') return schema;
  const allowed = facts.allowDuplicates === true ? { allowDuplicates: true } : {};
  return { ...schema, ...allowed, items: withFacts(schema.items, facts) };
}
