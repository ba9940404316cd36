import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** One Go package of API types, read from its sources as text. */
export interface GoPackage {
  /** `api.core.v1`: as definitions are named, less `io.k8s.`. */
  readonly name: string;
  /** `apps/v1`; undefined for a package that registers no kinds. */
  readonly apiVersion: string | undefined;
  readonly structs: ReadonlyMap<string, readonly GoField[]>;
  /** `type PodPhase string`, `type ResourceList map[…]…`, `type Rule = v1.Rule`. */
  readonly named: ReadonlyMap<string, string>;
  /** Import name → package name. */
  readonly imports: ReadonlyMap<string, string>;
}

export interface GoField {
  readonly goName: string;
  readonly type: string;
  readonly json: string;
  readonly inline: boolean;
  readonly omitEmpty: boolean;
  readonly number: number;
}

const FIELD = /^\s+(?:(\w+)\s+)?([\w.*[\]{}]+)\s+`([^`]*)`/;

/** Every package below `root` whose types carry protobuf tags; `module` is what its names begin with. */
export async function readGoPackages(root: string, module: string): Promise<GoPackage[]> {
  const files = await Array.fromAsync(
    glob('**/{types,types_jsonschema,micro_time,time,register,intstr,quantity}*.go', { cwd: root }),
  );
  const sources = files.filter((file) => !/_test\.go$|swagger|zz_/.test(file));
  const folders = Map.groupBy(sources, (file) => dirname(file));
  return await Promise.all(
    [...folders].map(async ([folder, members]) => {
      const texts = await Promise.all(members.map((file) => readFile(join(root, file), 'utf8')));
      return parsePackage(`${module}.${folder.replaceAll('/', '.')}`, texts.join('\n'));
    }),
  );
}

function parsePackage(name: string, text: string): GoPackage {
  const group = /const GroupName = "([^"]*)"/.exec(text)?.[1];
  const version = name.split('.').at(-1) ?? '';
  const structs = [...text.matchAll(/^type (\w+) struct ?\{(?:\n([\s\S]*?)^)?\}/gm)];
  const named = [...text.matchAll(/^type (\w+) (?:= )?((?:\[\]|map\[\w+\])?\*?[\w.]+)$/gm)];
  return {
    name,
    apiVersion: group === undefined ? undefined : group === '' ? version : `${group}/${version}`,
    structs: new Map(structs.map(([, struct = '', body = '']) => [struct, parseFields(body)])),
    named: new Map(
      named.filter(([, , type]) => type !== 'struct').map(([, alias = '', type = '']) => [alias, type]),
    ),
    imports: parseImports(text),
  };
}

function parseFields(body: string): GoField[] {
  return body.split('\n').flatMap((line) => {
    const [, goName, type = '', tags = ''] = FIELD.exec(line) ?? [];
    const number = /protobuf:"\w+,(\d+)/.exec(tags)?.[1];
    if (number === undefined) return [];
    const [json = '', ...options] = (/json:"([^"]*)"/.exec(tags)?.[1] ?? '').split(',');
    const name = goName ?? type.replace(/^.*[.*]/, '');
    return [
      {
        goName: name,
        type,
        json: json === '' ? lowerFirst(name) : json,
        inline: options.includes('inline'),
        omitEmpty: options.includes('omitempty'),
        number: Number(number),
      },
    ];
  });
}

/** `metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"` → `metav1` is `apimachinery.pkg.apis.meta.v1`. */
function parseImports(text: string): Map<string, string> {
  const imports = [...text.matchAll(/^\s+(?:(\w+) )?"k8s\.io\/([\w./-]+)"$/gm)];
  return new Map(
    imports.map(([, alias, path = '']) => [alias ?? path.split('/').at(-1) ?? '', path.replaceAll('/', '.')]),
  );
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}
