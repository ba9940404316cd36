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

const LABEL_1123 =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_1123 =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const IS_LABEL_1123 = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const IS_LABEL_1035 = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const IS_NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** A check of length first, since what is too long is not looked at. */
function shaped(most: number, words: string, isWell: (text: string) => boolean): Check {
  return (text) => {
    if (text.length > most) return [`must be no more than ${most} bytes`];
    return isWell(text) ? [] : [words];
  };
}

function isSubdomain(text: string): boolean {
  return text.split('.').every((label) => IS_LABEL_1123.test(label));
}

/** A name that a generated ending will follow may end with a dash. */
function prefix(check: Check): Check {
  return (text) => check(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);
}

function qualifiedName(text: string): readonly string[] {
  const parts = text.split('/');
  const [first = '', second] = parts;
  if (parts.length > 2)
    return [
      `a qualified name must consist of ${QUALIFIED.slice(QUALIFIED.indexOf('alphanumeric'))} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  if (second !== undefined && first === '') return ['prefix part must be non-empty'];
  const before = second === undefined ? [] : subdomain1123(first).map((words) => `prefix part ${words}`);
  const name = second ?? first;
  if (name === '') return [...before, 'name part must be non-empty', QUALIFIED];
  if (name.length > 63) return [...before, 'name part must be no more than 63 bytes'];
  return IS_NAME.test(name) ? before : [...before, QUALIFIED];
}

const label1123 = shaped(63, LABEL_1123, (text) => IS_LABEL_1123.test(text));
const subdomain1123 = shaped(253, SUBDOMAIN_1123, isSubdomain);
const label1035 = shaped(63, LABEL_1035, (text) => IS_LABEL_1035.test(text));

const CHECKS = {
  dns1123Label: label1123,
  dns1123Subdomain: subdomain1123,
  dns1035Label: label1035,
  dns1123LabelPrefix: prefix(label1123),
  dns1123SubdomainPrefix: prefix(subdomain1123),
  dns1035LabelPrefix: prefix(label1035),
  qualifiedName,
  labelValue: shaped(63, LABEL_VALUE, (text) => text === '' || IS_NAME.test(text)),
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
