import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { type JwtIssuer, readJwtIssuer } from './oidc/issuer-config.ts';

export interface AuthenticationConfig {
  readonly issuers: readonly JwtIssuer[];
  /** Whether a request without credentials to that path is anonymous; undefined: every one is. */
  readonly anonymous: ((path: string) => boolean) | undefined;
}

const VERSIONS: readonly unknown[] = [
  'apiserver.config.k8s.io/v1',
  'apiserver.config.k8s.io/v1beta1',
  'apiserver.config.k8s.io/v1alpha1',
];

/**
 * An AuthenticationConfiguration: issuers of tokens, by claims, and what is open without any.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
 * @param value decoded @throws BadRequest with the field that is wrong or not supported
 */
export function readAuthenticationConfig(value: unknown): AuthenticationConfig {
  if (typeof value !== 'object' || value === null) throw wrong('must be an object');
  const config = value as Readonly<Record<string, unknown>>; // Just seen to be an object.
  if (config.kind !== 'AuthenticationConfiguration' || !VERSIONS.includes(config.apiVersion))
    throw wrong('must be an AuthenticationConfiguration of apiserver.config.k8s.io/v1');
  for (const name of Object.keys(config))
    if (!['apiVersion', 'kind', 'jwt', 'anonymous'].includes(name)) throw wrong(`${name} is not known`);
  const { jwt = [], anonymous } = config;
  if (!Array.isArray(jwt) || jwt.length > LIMITS.tokenIssuers)
    throw wrong(`jwt must be a list of at most ${LIMITS.tokenIssuers}`);
  const issuers = jwt.map((one, index) => readJwtIssuer(one, `jwt[${index}]`));
  if (new Set(issuers.map(({ url }) => url)).size < issuers.length) throw wrong('jwt names an issuer twice');
  return { issuers, anonymous: readAnonymous(anonymous) };
}

function readAnonymous(value: unknown): AuthenticationConfig['anonymous'] {
  if (value === undefined || value === null) return undefined;
  const { enabled, conditions = [] } = value as { enabled?: unknown; conditions?: unknown }; // Checked below.
  if (typeof enabled !== 'boolean') throw wrong('anonymous.enabled must be true or false');
  if (!Array.isArray(conditions)) throw wrong('anonymous.conditions must be a list');
  const paths = conditions.map((condition: { path?: unknown }) => {
    if (typeof condition?.path !== 'string' || !condition.path.startsWith('/'))
      throw wrong('anonymous.conditions must name paths');
    return condition.path;
  });
  if (!enabled) return () => false;
  return paths.length === 0 ? undefined : (path) => paths.includes(path);
}

function wrong(why: string): AmphoraError {
  return new AmphoraError('BadRequest', `authentication configuration: ${why}`);
}
