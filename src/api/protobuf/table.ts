import { PROTOBUF_FACTS } from './facts.generated.ts';

/** One field of a message on the wire and in JSON. */
export interface WireField {
  readonly number: number;
  readonly json: string;
  readonly type: WireType;
  /** Upstream sends every scalar that is not a pointer: its zero means "not set", unless this is true. */
  readonly keepZero: boolean;
}

export type WireType =
  | { readonly kind: 'string' | 'bool' | 'integer' | 'double' | 'bytes' }
  | { readonly kind: 'message'; readonly message: Message }
  /** The message's fields stand in the parent's JSON: Go's embedded structs. */
  | { readonly kind: 'inline'; readonly message: Message }
  /** A message with the one field `items`: Go's named slices. */
  | { readonly kind: 'wrapped-list'; readonly list: WireType }
  | { readonly kind: 'list'; readonly items: WireType }
  | { readonly kind: 'map'; readonly values: WireType };

export interface Message {
  /** `api.core.v1.Pod` */
  readonly name: string;
  readonly fields: readonly WireField[];
  readonly byNumber: ReadonlyMap<number, WireField>;
}

/** The messages of the Kubernetes API, each expanded when first used. `tools/generate/protobuf.ts` describes the facts. */
export class MessageTable {
  readonly #facts: { roots: Record<string, string>; names: readonly string[]; messages: readonly string[] };
  readonly #byName: ReadonlyMap<string, number>;
  readonly #expanded = new Map<number, Message>();

  constructor() {
    this.#facts = JSON.parse(PROTOBUF_FACTS);
    this.#byName = new Map(this.#facts.names.map((name, index) => [name, index]));
  }

  /** The message of a kind; what every group accepts (`DeleteOptions`, `Status`) is found under any apiVersion. */
  ofKind(apiVersion: string, kind: string): Message | undefined {
    const own = this.#byName.get(`${this.#facts.roots[apiVersion]}.${kind}`);
    const index = own ?? this.#byName.get(`apimachinery.pkg.apis.meta.v1.${kind}`);
    return index === undefined ? undefined : this.#at(index);
  }

  #at(index: number): Message {
    const known = this.#expanded.get(index);
    if (known !== undefined) return known;
    const made = new LazyMessage(this.#facts.names[index] ?? '', () =>
      this.#fields(this.#facts.messages[index] ?? ''),
    );
    this.#expanded.set(index, made);
    return made;
  }

  #fields(row: string): WireField[] {
    if (row === '') return [];
    return row.split(' ').map((fact) => {
      const [, number = '', keep, code = '', json = ''] = /^(\d+)(!?)([^:]+):(.*)$/.exec(fact) ?? [];
      return { number: Number(number), json, type: this.#type(code), keepZero: keep === '!' };
    });
  }

  #type(code: string): WireType {
    const rest = code.slice(1);
    switch (code.charAt(0)) {
      case '#':
        return { kind: 'message', message: this.#at(Number(rest)) };
      case '>':
        return { kind: 'inline', message: this.#at(Number(rest)) };
      case '=':
        return { kind: 'wrapped-list', list: this.#type(rest) };
      case '[':
        return { kind: 'list', items: this.#type(rest) };
      case '{':
        return { kind: 'map', values: this.#type(rest) };
      default:
        return { kind: SCALARS[code] ?? 'bytes' };
    }
  }
}

const SCALARS: Readonly<Record<string, 'string' | 'bool' | 'integer' | 'double' | 'bytes'>> = {
  s: 'string',
  b: 'bool',
  i: 'integer',
  d: 'double',
  y: 'bytes',
};

class LazyMessage implements Message {
  readonly name: string;
  readonly #make: () => WireField[];
  #fields: readonly WireField[] | undefined;
  #byNumber: ReadonlyMap<number, WireField> | undefined;

  constructor(name: string, make: () => WireField[]) {
    this.name = name;
    this.#make = make;
  }

  get fields(): readonly WireField[] {
    this.#fields ??= this.#make();
    return this.#fields;
  }

  get byNumber(): ReadonlyMap<number, WireField> {
    this.#byNumber ??= new Map(this.fields.map((field) => [field.number, field]));
    return this.#byNumber;
  }
}
