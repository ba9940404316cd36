import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  qualifiedName,
} from '../../api/meta-validation.ts';
import { type Overload, overload } from '../signature.ts';
import { NONE, Opaque, Optional } from '../values.ts';
import { walk } from './cost.ts';
import { parseUrl } from './url.ts';

/** What is wrong with a text, in upstream's words; nothing when it is well. */
type Check = (text: string) => readonly string[];

class NamedFormat extends Opaque {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly check: Check;

  constructor(name: string, check: Check) {
    super();
    this.name = name;
    this.check = check;
  }

  equals(other: Opaque): boolean {
    return other instanceof NamedFormat && other.name === this.name;
  }

  override toString(): string {
    return this.name;
  }
}

/** A name that a generated ending will follow may end with a dash. */
function prefix(check: Check): Check {
  return (text) => check(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);
}

const CHECKS = {
  dns1123Label,
  dns1123Subdomain,
  dns1035Label,
  dns1123LabelPrefix: prefix(dns1123Label),
  dns1123SubdomainPrefix: prefix(dns1123Subdomain),
  dns1035LabelPrefix: prefix(dns1035Label),
  qualifiedName,
  labelValue,
  uri: (text) => (parseUrl(text) === undefined ? ['invalid URI for request'] : []),
  uuid: matching(
    /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/,
    'does not match the UUID format',
  ),
  byte: (text) => (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? [] : ['invalid base64']),
  date: (text) => (isDate(text) ? [] : ['invalid date']),
  datetime: (text) => (isDateTime(text) ? [] : ['invalid datetime']),
} as const satisfies Record<string, Check>;

function matching(pattern: RegExp, words: string): Check {
  return (text) => (pattern.test(text) ? [] : [words]);
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  const match =
    /^(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  return match !== null && isDate(match[1] ?? '');
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library */
export function namedFormats(): Overload[] {
  const formats = new Map(
    Object.entries(CHECKS).map(([name, check]) => [name, new NamedFormat(name, check)]),
  );
  const type = 'kubernetes.NamedFormat';
  return [
    ...[...formats].map(([name, format]) => overload(`format.${name}(): ${type}`, () => format)),
    overload(`format.named(string): optional_type<${type}>`, (name: string) => {
      const found = formats.get(name);
      return found === undefined ? NONE : new Optional(found);
    }),
    overload(
      `(${type}).validate(string): optional_type<list<string>>`,
      ({ check }: NamedFormat, text: string) => {
        const wrong = check(text);
        return wrong.length === 0 ? NONE : new Optional(wrong);
      },
      { cost: (_format, text = 0) => walk(text * 5) },
    ),
  ];
}
