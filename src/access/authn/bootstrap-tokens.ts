import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { type FindObject, sameText } from './service-account-claims.ts';
import type { TokenVerifier } from './tokens.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const TYPE = 'bootstrap.kubernetes.io/token';

/**
 * Tokens that a new node comes with: Secrets `bootstrap-token-<id>` of kube-system.
 * https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
 */
export function bootstrapTokens(options: {
  readonly find: FindObject;
  readonly clock: Clock;
}): TokenVerifier {
  return async (token, { signal }) => {
    const found = TOKEN.exec(token);
    if (found === null) return undefined;
    const [, id = '', secret = ''] = found;
    const object = await options.find(
      { kind: 'Secret', namespace: 'kube-system', name: `bootstrap-token-${id}` },
      signal,
    );
    const data = (object?.data ?? {}) as Readonly<Record<string, string>>; // The kind's schema.
    const field = (name: string) =>
      Object.hasOwn(data, name) ? Buffer.from(data[name] ?? '', 'base64').toString('utf8') : '';
    // The secret is compared first, and always: who guesses learns nothing of what else is wrong.
    const isGood =
      sameText(field('token-secret'), secret) &&
      object?.type === TYPE &&
      object.metadata.deletionTimestamp === undefined &&
      field('token-id') === id &&
      field('usage-bootstrap-authentication') === 'true' &&
      !hasPassed(field('expiration'), options.clock.now());
    if (!isGood) throw new AmphoraError('Unauthorized', 'the bootstrap token is not valid');
    const extra = field('auth-extra-groups')
      .split(',')
      .filter((group) => GROUP.test(group));
    return {
      user: {
        name: `system:bootstrap:${id}`,
        uid: '',
        groups: ['system:bootstrappers', ...new Set(extra), 'system:authenticated'],
        extra: {},
      },
    };
  };
}

/** A time that cannot be read has passed. */
function hasPassed(time: string, now: number): boolean {
  return time !== '' && !(Date.parse(time) > now);
}
