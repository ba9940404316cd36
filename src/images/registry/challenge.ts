/** One way to authenticate that a registry offers: https://datatracker.ietf.org/doc/html/rfc9110#name-www-authenticate */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const SCHEME = /^\s*,?\s*([A-Za-z][\w-]*)(?:\s+|$)/;
const PARAMETER = /^\s*,?\s*([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;

/** What cannot be read is left out: then there is no challenge that can be met. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: Challenge[] = [];
  let rest = header.slice(0, 8192);
  for (;;) {
    const scheme = SCHEME.exec(rest);
    if (scheme === null) return found;
    rest = rest.slice(scheme[0].length);
    const parameters: Record<string, string> = {};
    for (let match = PARAMETER.exec(rest); match !== null; match = PARAMETER.exec(rest)) {
      const [whole, name = '', quoted, bare] = match;
      parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '';
      rest = rest.slice(whole.length);
    }
    found.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters });
  }
}
