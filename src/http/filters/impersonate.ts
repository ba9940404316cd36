import type { User } from '../../access/user.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Filter } from './all.ts';

const EXTRA = 'impersonate-extra-';

/**
 * `kubectl --as`: administrators may act as anybody, and nobody else may. Headers that were passed over would make a
 * request run with more rights than its sender believes.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 */
export const impersonate: Filter = async (exchange, next, services) => {
  const { headers } = exchange;
  if (!Object.keys(headers).some((name) => name.startsWith('impersonate-'))) return next();
  const name = text(headers['impersonate-user']);
  if (name === '') throw new AmphoraError('BadRequest', 'impersonation needs the header Impersonate-User');
  if (!exchange.user.groups.includes('system:masters'))
    throw new AmphoraError(
      'Forbidden',
      `users ${JSON.stringify(name)} is forbidden: User ${JSON.stringify(exchange.user.name)} cannot impersonate resource "users" in API group "" at the cluster scope`,
    );
  services.log.info({ id: exchange.id, by: exchange.user.name, as: name }, 'impersonation');
  exchange.user = impersonated(name, headers);
  await next();
};

function impersonated(name: string, headers: Readonly<Record<string, string | string[] | undefined>>): User {
  const groups = list(headers['impersonate-group']);
  const known = groups.length > 0 ? groups : groupsOf(name);
  const extra = Object.entries(headers)
    .filter(([key]) => key.startsWith(EXTRA))
    .map(([key, values]) => [decodeURIComponent(key.slice(EXTRA.length)), list(values)]);
  const everybody = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return {
    name,
    uid: text(headers['impersonate-uid']),
    groups: known.includes(everybody) ? known : [...known, everybody],
    extra: Object.fromEntries(extra),
  };
}

/** A service account has its groups by its name. */
function groupsOf(name: string): string[] {
  const namespace = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name)?.[1];
  return namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

function text(value: string | string[] | undefined): string {
  return list(value)[0] ?? '';
}

/** Node joins headers that stand several times with a comma. */
function list(value: string | string[] | undefined): string[] {
  const all = Array.isArray(value) ? value : (value ?? '').split(',');
  return all.map((one) => one.trim()).filter((one) => one !== '');
}
