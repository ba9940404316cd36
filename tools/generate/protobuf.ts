import type { GoField, GoPackage } from './go-types.ts';

/**
 * Messages whose JSON is not the object their fields spell; the codec knows them by name
 * (`src/api/protobuf/special.ts`).
 */
const SPECIAL: ReadonlySet<string> = new Set([
  'apimachinery.pkg.apis.meta.v1.Time',
  'apimachinery.pkg.apis.meta.v1.MicroTime',
  'apimachinery.pkg.apis.meta.v1.FieldsV1',
  'apimachinery.pkg.api.resource.Quantity',
  'apimachinery.pkg.util.intstr.IntOrString',
  'apimachinery.pkg.runtime.RawExtension',
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray',
]);
const SCALARS: Readonly<Record<string, string>> = {
  string: 's',
  bool: 'b',
  int: 'i',
  int32: 'i',
  int64: 'i',
  uint32: 'i',
  byte: 'i',
  float64: 'd',
  'types.UID': 's',
  'types.NodeName': 's',
};
/** Types that no served object holds. */
const UNSERVED =
  /\.v\d+(alpha|beta)\d+$|^api\.(admission|imagepolicy|extensions|apidiscovery)\.|testapigroup/;

/**
 * The facts the protobuf codec walks: by message, `number[!]code json`, where `!` says that a zero is kept (the Go
 * field is a pointer, or its JSON has no omitempty) and the codes are `s` string, `b` bool, `i` integer, `d`
 * double, `y` bytes, `#n` message, `>n` message whose fields stand in the parent's JSON, `[`… list, `{`… map.
 */
export function generateProtobuf(packages: readonly GoPackage[]): string {
  const served = packages.filter((one) => !UNSERVED.test(one.name));
  const walk = new Walk(new Map(packages.map((one) => [one.name, one])));
  const roots: Record<string, string> = {};
  for (const one of served) {
    if (one.apiVersion === undefined || !/v\d+$/.test(one.apiVersion)) continue;
    roots[one.apiVersion] = one.name;
    for (const [struct, fields] of one.structs)
      if (fields.some((field) => field.json === 'metadata' || field.json === 'spec'))
        walk.message(`${one.name}.${struct}`);
  }
  for (const struct of ['Status', 'DeleteOptions', 'PartialObjectMetadata'])
    walk.message(`apimachinery.pkg.apis.meta.v1.${struct}`);
  const rows = JSON.stringify({ roots, names: walk.names, messages: walk.rows });
  return `// Made by \`npm run generate\`. Do not edit.\nexport const PROTOBUF_FACTS: string = \`${rows}\`;\n`;
}

class Walk {
  readonly names: string[] = [];
  readonly rows: string[] = [];
  readonly #packages: ReadonlyMap<string, GoPackage>;
  readonly #index = new Map<string, number>();

  constructor(packages: ReadonlyMap<string, GoPackage>) {
    this.#packages = packages;
  }

  /** The message's place in the table, after it and what it holds have been put there. */
  message(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    const index = this.names.push(name) - 1;
    this.#index.set(name, index);
    this.rows.push('');
    if (!SPECIAL.has(name)) this.rows[index] = this.#row(name);
    return index;
  }

  #row(name: string): string {
    const dot = name.lastIndexOf('.');
    const home = this.#packages.get(name.slice(0, dot));
    const fields = home?.structs.get(name.slice(dot + 1));
    if (home === undefined || fields === undefined)
      throw new Error(`no Go struct ${name}: name its package's repository on the command line`);
    const inOrder = fields.toSorted((a, b) => a.number - b.number);
    return inOrder.map((field) => this.#field(field, home)).join(' ');
  }

  #field(field: GoField, home: GoPackage): string {
    const keep = field.type.startsWith('*') || !field.omitEmpty ? '!' : '';
    const code = this.#code(field.type, home);
    return `${field.number}${keep}${field.inline ? `>${code.slice(1)}` : code}:${field.json}`;
  }

  #code(type: string, home: GoPackage): string {
    if (type.startsWith('*')) return this.#code(type.slice(1), home);
    if (type === '[]byte') return 'y';
    if (type.startsWith('[]')) return `[${this.#code(type.slice(2), home)}`;
    const map = /^map\[[\w.]+\](.+)$/.exec(type);
    if (map !== null) return `{${this.#code(map[1] ?? '', home)}`;
    return SCALARS[type] ?? this.#namedCode(type, home);
  }

  #namedCode(type: string, home: GoPackage): string {
    const dot = type.indexOf('.');
    const owner = dot < 0 ? home : this.#packages.get(home.imports.get(type.slice(0, dot)) ?? '');
    const name = type.slice(dot + 1);
    if (owner === undefined) throw new Error(`${home.name}: no package for ${type}`);
    const meaning = owner.named.get(name);
    if (meaning === undefined) return `#${this.message(`${owner.name}.${name}`)}`;
    // `type ExtraValue []string` is a message with the one field `items`; `type Conditions map[…]…` is a map in place.
    if (meaning.startsWith('[]')) return `=${this.#code(meaning, owner)}`;
    return this.#code(meaning, owner);
  }
}
