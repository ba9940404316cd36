/** The static type of an expression. `size`: the most characters, octets, items or members its value can have. */
export type CelType = SimpleType | ListType | MapType | ObjectType | OpaqueType | ParameterType;

export interface SimpleType {
  readonly kind: SimpleKind;
  readonly size?: number;
}

export type SimpleKind =
  | 'int'
  | 'uint'
  | 'double'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'null'
  | 'dyn'
  | 'timestamp'
  | 'duration'
  | 'type';

export interface ListType {
  readonly kind: 'list';
  readonly item: CelType;
  readonly size?: number;
  /** Of a list with a schema: by which members its items are told apart, none for a set; left out: by their place. */
  readonly keys?: readonly string[];
}

export interface MapType {
  readonly kind: 'map';
  readonly key: CelType;
  readonly value: CelType;
  readonly size?: number;
}

/** An object whose fields are known. */
export interface ObjectType {
  readonly kind: 'object';
  /** `object` where nothing better is known; shown in messages. */
  readonly name: string;
  /** By the name an expression writes, which may be escaped. */
  field(name: string): ObjectField | undefined;
  /** By the member's name in the object; left out where no member is compared in a way of its own. */
  memberType?(member: string): CelType | undefined;
  readonly size?: number;
}

export interface ObjectField {
  /** The member's name in the object. */
  readonly member: string;
  readonly type: CelType;
}

/** A library's own type: `kubernetes.Quantity`, `optional_type(int)`. */
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly name: string;
  readonly of: readonly CelType[];
  readonly size?: number;
}

/** `T` in a function's signature. */
export interface ParameterType {
  readonly kind: 'parameter';
  readonly name: string;
  readonly size?: number;
}

export const TYPES = {
  int: { kind: 'int' },
  uint: { kind: 'uint' },
  double: { kind: 'double' },
  bool: { kind: 'bool' },
  string: { kind: 'string' },
  bytes: { kind: 'bytes' },
  null: { kind: 'null' },
  dyn: { kind: 'dyn' },
  timestamp: { kind: 'timestamp' },
  duration: { kind: 'duration' },
  type: { kind: 'type' },
} as const satisfies Record<SimpleKind, SimpleType>;

const OPTIONAL = 'optional_type';

export function listOf(item: CelType, size?: number): ListType {
  return size === undefined ? { kind: 'list', item } : { kind: 'list', item, size };
}

export function mapOf(key: CelType, value: CelType, size?: number): MapType {
  return size === undefined ? { kind: 'map', key, value } : { kind: 'map', key, value, size };
}

export function opaque(name: string, of: readonly CelType[] = []): OpaqueType {
  return { kind: 'opaque', name, of };
}

export function optionalOf(of: CelType): OpaqueType {
  return opaque(OPTIONAL, [of]);
}

/** What an optional holds; undefined for another type. */
export function optionalItem(type: CelType): CelType | undefined {
  return type.kind === 'opaque' && type.name === OPTIONAL ? (type.of[0] ?? TYPES.dyn) : undefined;
}

/** As cel-go words it: `map(string, list(int))`. */
export function typeText(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeText(type.item)})`;
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.value)})`;
    case 'object':
      return type.name;
    case 'opaque':
      return type.of.length === 0 ? type.name : `${type.name}(${type.of.map(typeText).join(', ')})`;
    case 'parameter':
      return type.name;
    default:
      return type.kind;
  }
}

/** What parameters of a signature stand for, found while its arguments are compared. */
export type Bindings = Map<string, CelType>;

/** Whether a value of type `from` can stand where `to` is asked; fills `bindings` for the parameters in `to`. */
export function isAssignable(to: CelType, from: CelType, bindings: Bindings = new Map()): boolean {
  if (to.kind === 'parameter') return bindParameter(to.name, from, bindings);
  if (to.kind === 'dyn' || from.kind === 'dyn') return true;
  if (from.kind === 'null') return ['null', 'object', 'opaque', 'timestamp', 'duration'].includes(to.kind);
  switch (to.kind) {
    case 'list':
      return from.kind === 'list' && isAssignable(to.item, from.item, bindings);
    case 'map':
      return (
        from.kind === 'map' &&
        isAssignable(to.key, from.key, bindings) &&
        isAssignable(to.value, from.value, bindings)
      );
    case 'object':
      return from === to || (from.kind === 'object' && from.name === to.name && from.name !== 'object');
    case 'opaque':
      return (
        from.kind === 'opaque' &&
        from.name === to.name &&
        to.of.every((of, i) => isAssignable(of, from.of[i] ?? TYPES.dyn, bindings))
      );
    default:
      return from.kind === to.kind;
  }
}

function bindParameter(name: string, from: CelType, bindings: Bindings): boolean {
  const bound = bindings.get(name);
  if (bound !== undefined && !isAssignable(bound, from) && !isAssignable(from, bound)) return false;
  bindings.set(name, bound === undefined ? from : join(bound, from));
  return true;
}

/** `type` with its parameters replaced; what was never bound is dyn. */
export function substitute(type: CelType, bindings: Bindings): CelType {
  switch (type.kind) {
    case 'parameter':
      return bindings.get(type.name) ?? TYPES.dyn;
    case 'list':
      return listOf(substitute(type.item, bindings));
    case 'map':
      return mapOf(substitute(type.key, bindings), substitute(type.value, bindings));
    case 'opaque':
      return type.of.length === 0
        ? type
        : opaque(
            type.name,
            type.of.map((of) => substitute(of, bindings)),
          );
    default:
      return type;
  }
}

/** The type of what may be either: as narrow as is true of both, dyn where they differ; null gives way. */
export function join(a: CelType, b: CelType): CelType {
  if (a === b) return a;
  if (a.kind === 'null' && isAssignable(b, a)) return b;
  if (b.kind === 'null' && isAssignable(a, b)) return a;
  const size = a.size === undefined || b.size === undefined ? undefined : Math.max(a.size, b.size);
  // What is empty takes the other's type: `has(self.x) ? self.x : []`.
  if (a.kind === b.kind && (a.kind === 'list' || a.kind === 'map') && (a.size === 0 || b.size === 0))
    return a.size === 0 ? b : a;
  if (a.kind === 'list' && b.kind === 'list') return listOf(join(a.item, b.item), size);
  if (a.kind === 'map' && b.kind === 'map') return mapOf(join(a.key, b.key), join(a.value, b.value), size);
  if (a.kind === 'opaque' && b.kind === 'opaque' && a.name === b.name)
    return opaque(
      a.name,
      a.of.map((of, i) => join(of, b.of[i] ?? TYPES.dyn)),
    );
  if (a.kind !== b.kind || a.kind === 'object' || a.kind === 'opaque' || a.kind === 'parameter') {
    return isAssignable(a, b) && a.kind === 'object' && b.kind === 'object' ? a : TYPES.dyn;
  }
  // Simple types of one kind.
  return size === undefined ? TYPES[a.kind as SimpleKind] : { kind: a.kind as SimpleKind, size };
}
