import { AmphoraError } from '../../lib/errors.ts';
import { ANONYMOUS, type User } from '../user.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

/** What a connection and a request say about who is calling. */
export interface Credentials {
  readonly certificate?: ClientCertificate;
  /** The `Authorization` header. */
  readonly authorization?: string;
}

/** A client certificate as TLS checked it. */
export interface ClientCertificate {
  /** Whether our authority signed it, for client use, and it is in its time. */
  readonly trusted: boolean;
  /** Why not. */
  readonly problem?: string;
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string;
}

/** Who is calling. @throws Unauthorized when credentials were given and are no good. */
export interface Authenticator {
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<User>;
}

/** One way to know a caller; undefined: this way says nothing. */
export type AuthenticationStep = (
  credentials: Credentials,
  signal: AbortSignal,
) => Promise<User | undefined> | User | undefined;

/** The first step that knows the caller decides; without any credentials the caller is anonymous. */
export function createAuthenticator(options: { tokens: ServiceAccountTokens }): Authenticator {
  const steps: readonly AuthenticationStep[] = [byCertificate, byToken(options.tokens)];
  return {
    authenticate: async (credentials, signal) => {
      for (const step of steps) {
        const user = await step(credentials, signal);
        if (user !== undefined) return user;
      }
      return ANONYMOUS;
    },
  };
}

function byCertificate({ certificate }: Credentials): User | undefined {
  if (certificate === undefined) return undefined;
  if (!certificate.trusted)
    throw new AmphoraError(
      'Unauthorized',
      `the client certificate is not accepted: ${certificate.problem ?? 'unknown reason'}`,
    );
  if (certificate.commonName === '')
    throw new AmphoraError('Unauthorized', 'the client certificate names no user (its subject has no CN)');
  return {
    name: certificate.commonName,
    uid: '',
    groups: [...certificate.organizations, 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.fingerprint}`] },
  };
}

function byToken(tokens: ServiceAccountTokens): AuthenticationStep {
  return async ({ authorization }, signal) => {
    if (authorization === undefined) return undefined;
    const [scheme = '', token = '', ...rest] = authorization.trim().split(/ +/);
    if (scheme.toLowerCase() !== 'bearer' || token === '' || rest.length > 0)
      throw new AmphoraError('Unauthorized', 'only "Authorization: Bearer <token>" is understood');
    const user = await tokens.verify(token, signal);
    if (user !== undefined) return user;
    throw new AmphoraError('Unauthorized', 'the bearer token is not one of this cluster');
  };
}
