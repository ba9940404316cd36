import { AmphoraError } from '../../lib/errors.ts';
import { ANONYMOUS, type User } from '../user.ts';
import type { TokenVerifier } from './tokens.ts';

/** What a connection and a request say about who is calling. */
export interface Credentials {
  readonly certificate?: ClientCertificate | undefined;
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
  /** `Sec-WebSocket-Protocol`: a browser can send a token no other way. */
  readonly protocols?: string | undefined;
  /** Of the whole request, for a front proxy that says for whom it asks. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined;
  /** Of the request, without its query. */
  readonly path?: string | undefined;
}

/** A client certificate as TLS checked it. */
export interface ClientCertificate {
  /** Whether one of our authorities signed it, for client use, and it is in its time. */
  readonly trusted: boolean;
  /** Why not. */
  readonly problem?: string;
  /** Signed by the authority of front proxies, not by that of users. */
  readonly isProxy?: boolean;
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

export interface AuthenticatorOptions {
  readonly tokens: TokenVerifier;
  /** Asked first: whom a front proxy asks for. */
  readonly proxy?: AuthenticationStep;
  /** Whether a request without credentials to that path is `system:anonymous`; every one if left out. */
  readonly allowsAnonymous?: (path: string) => boolean;
}

/** The first step that knows the caller decides; without any credentials the caller is anonymous. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { proxy, tokens, allowsAnonymous } = options;
  const steps = [...(proxy === undefined ? [] : [proxy]), byCertificate, byToken(tokens)];
  return {
    authenticate: async (credentials, signal) => {
      for (const step of steps) {
        const said = step(credentials, signal);
        const user = said instanceof Promise ? await said : said;
        if (user !== undefined) return user;
      }
      if (allowsAnonymous === undefined || allowsAnonymous(credentials.path ?? '')) return ANONYMOUS;
      throw new AmphoraError('Unauthorized', 'the request has no credentials');
    },
  };
}

function byCertificate({ certificate }: Credentials): User | undefined {
  if (certificate === undefined || certificate.isProxy === true) return undefined;
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

function byToken(verify: TokenVerifier): AuthenticationStep {
  return (credentials, signal) => {
    const token = bearerToken(credentials) ?? webSocketToken(credentials);
    return token === undefined ? undefined : verified(verify, token, signal);
  };
}

async function verified(verify: TokenVerifier, token: string, signal: AbortSignal): Promise<User> {
  const found = await verify(token, { signal, audiences: [] });
  if (found !== undefined) return found.user;
  throw new AmphoraError('Unauthorized', 'the bearer token is not one of this cluster');
}

/** @throws Unauthorized for another scheme */
function bearerToken({ authorization }: Credentials): string | undefined {
  if (authorization === undefined) return undefined;
  const [scheme = '', token = '', ...rest] = authorization.trim().split(/ +/);
  if (scheme.toLowerCase() !== 'bearer' || token === '' || rest.length > 0)
    throw new AmphoraError('Unauthorized', 'only "Authorization: Bearer <token>" is understood');
  return token;
}

const WEBSOCKET_TOKEN = 'base64url.bearer.authorization.k8s.io.';

function webSocketToken({ protocols }: Credentials): string | undefined {
  if (protocols?.includes(WEBSOCKET_TOKEN) !== true) return undefined;
  const given = protocols.split(',').map((one) => one.trim());
  const found = given.find((one) => one.startsWith(WEBSOCKET_TOKEN));
  if (found === undefined) return undefined;
  return Buffer.from(found.slice(WEBSOCKET_TOKEN.length), 'base64url').toString('utf8');
}
