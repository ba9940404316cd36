import { fault } from '../faults.ts';
import { parseAddress } from '../ip-address.ts';
import { type Overload, overload } from '../signature.ts';
import { CelMap, Opaque } from '../values.ts';
import { walk } from './cost.ts';

interface Parts {
  readonly scheme: string;
  /** With the port, and brackets around an IPv6 address. */
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;
}

class Url extends Opaque {
  readonly typeName = 'kubernetes.URL';
  readonly text: string;
  readonly parts: Parts;

  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }

  equals(other: Opaque): boolean {
    return other instanceof Url && other.text === this.text;
  }

  override toString(): string {
    return this.text;
  }
}

const TYPE = 'kubernetes.URL';

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library */
export function urls(): Overload[] {
  const text = (name: keyof Parts) => (url: Url) => url.parts[name];
  const size = (length: number): number => length;
  return [
    overload(`url(string): ${TYPE}`, mustParse, { cost: walk, size }),
    overload('isURL(string): bool', (source: string) => parseUrl(source) !== undefined, { cost: walk }),
    overload(`(${TYPE}).getScheme(): string`, text('scheme'), { size }),
    overload(`(${TYPE}).getHost(): string`, text('host'), { size }),
    overload(`(${TYPE}).getHostname(): string`, text('hostname'), { size }),
    overload(`(${TYPE}).getPort(): string`, text('port'), { size }),
    overload(`(${TYPE}).getEscapedPath(): string`, ({ parts }: Url) => encodePath(parts.path), { size }),
    overload(`(${TYPE}).getQuery(): map<string, list<string>>`, ({ parts }: Url) => queryOf(parts.query)),
  ];
}

function mustParse(source: string): Url {
  const url = parseUrl(source);
  if (url === undefined)
    throw fault(
      `URL parse error during conversion from string: parse ${JSON.stringify(source.slice(0, 128))}: invalid URI for request`,
    );
  return url;
}

/** An absolute URI or an absolute path, as a request line has it; undefined for anything else. */
export function parseUrl(source: string): Url | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what no URL has.
  if (/[\x00-\x1f\x7f]/.test(source)) return undefined;
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s.exec(source);
  if (match === null) return undefined;
  const [, scheme = '', rest = '', query = ''] = match;
  if (!rest.startsWith('/')) {
    if (scheme === '') return undefined;
    return new Url(source, { ...NOTHING, scheme: scheme.toLowerCase(), query });
  }
  const isNetwork = scheme !== '' && rest.startsWith('//');
  const end = isNetwork ? rest.indexOf('/', 2) : 0;
  const authority = isNetwork ? rest.slice(2, end < 0 ? rest.length : end) : '';
  const path = isNetwork ? (end < 0 ? '' : rest.slice(end)) : rest;
  const host = hostOf(authority);
  if (host === undefined || /%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  return new Url(source, { scheme: scheme.toLowerCase(), ...host, path, query });
}

const NOTHING: Parts = { scheme: '', host: '', hostname: '', port: '', path: '', query: '' };

function hostOf(authority: string): Pick<Parts, 'host' | 'hostname' | 'port'> | undefined {
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const match = /^(\[[0-9a-fA-F:.%a-zA-Z_~-]*\]|[^:[\]<>"\s]*)(?::(\d*))?$/.exec(host);
  if (match === null) return undefined;
  const [, name = '', port = ''] = match;
  const hostname = name.startsWith('[') ? name.slice(1, -1) : name;
  if (name.startsWith('[') && parseAddress(hostname.split('%')[0] ?? '') === undefined) return undefined;
  return { host, hostname, port };
}

/** What may not stand in a path is escaped; what is escaped stays. */
function encodePath(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9\-_.~$&+,/:;=@!'()*%[\]]+/g, (part) =>
    encodeURIComponent(part.toWellFormed()),
  );
}

function queryOf(query: string): CelMap {
  const found = new CelMap();
  for (const [key, value] of new URLSearchParams(query)) {
    const known = found.entries.get(key)?.[1];
    if (Array.isArray(known)) known.push(value);
    else found.entries.set(key, [key, [value]]);
  }
  return found;
}
