import { AmphoraError } from '../../lib/errors.ts';
import type { AuthenticationStep, Credentials } from './authenticator.ts';

const EXTRA = 'x-remote-extra-';

/**
 * A proxy that proved itself with a certificate of the front proxies' own authority says for whom it asks. Without
 * that certificate the headers mean nothing.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy
 * @param allowedNames common names of proxies
 */
export function frontProxy(allowedNames: ReadonlySet<string>): AuthenticationStep {
  return ({ certificate, headers = {} }) => {
    if (certificate?.isProxy !== true) return undefined;
    if (!certificate.trusted || !allowedNames.has(certificate.commonName))
      throw new AmphoraError('Unauthorized', `${certificate.commonName} is not allowed to be a front proxy`);
    const [name = ''] = valuesOf(headers['x-remote-user']);
    if (name === '') throw new AmphoraError('Unauthorized', 'the front proxy names no user (X-Remote-User)');
    const groups = valuesOf(headers['x-remote-group']);
    return {
      name,
      uid: valuesOf(headers['x-remote-uid'])[0] ?? '',
      groups: groups.includes('system:authenticated') ? groups : [...groups, 'system:authenticated'],
      extra: extraOf(headers),
    };
  };
}

function extraOf(headers: NonNullable<Credentials['headers']>): Record<string, string[]> {
  const found = Object.entries(headers).filter(([name]) => name.startsWith(EXTRA));
  return Object.fromEntries(
    found.map(([name, value]) => [extraKey(name.slice(EXTRA.length)), valuesOf(value)]),
  );
}

/** The key of an extra field as a header's name carries it. */
export function extraKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key; // As upstream: what is no escape is taken as it is.
  }
}

/** Node joins what stands several times with a comma. */
function valuesOf(value: string | string[] | undefined): string[] {
  const all = Array.isArray(value) ? value : (value ?? '').split(',');
  return all.map((one) => Buffer.from(one.trim(), 'latin1').toString('utf8')).filter((one) => one !== '');
}
