import { extraKey } from '../../access/authn/front-proxy.ts';
import type { ResourceAttributes } from '../../access/authz/authorizer.ts';
import { forbidden } from '../../access/authz/forbidden.ts';
import type { User } from '../../access/user.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Filter } from './all.ts';

const PREFIX = 'impersonate-';
const EXTRA = 'impersonate-extra-';
const AUTHENTICATION = 'authentication.k8s.io';
const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/**
 * `kubectl --as`: each of the user, groups, uid and extra fields that are asked for needs the right to `impersonate` it.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 */
export const impersonate: Filter = async (exchange, next, services) => {
  // Most requests have none: one look at the names, no list of pairs.
  if (!Object.keys(exchange.headers).some((name) => name.startsWith(PREFIX))) return next();
  const asked = wanted(exchange);
  for (const attributes of rightsFor(asked)) {
    const decision = await services.authorizer.authorize(exchange.user, attributes, exchange.signal);
    if (!decision.allowed) throw forbidden(exchange.user, attributes, decision.reason);
  }
  services.log.info({ id: exchange.id, by: exchange.user.name, as: asked.name }, 'impersonation');
  exchange.impersonator = exchange.user;
  exchange.user = withImpliedGroups(asked);
  await next();
};

/**
 * What the headers ask for. Read from the pairs as they came: a joined header would take a name with a comma for two.
 * @throws BadRequest for a header that is not known, or none that names a user
 */
function wanted({ request }: Exchange): User {
  const values: Record<'user' | 'uid' | 'group', string[]> = { user: [], uid: [], group: [] };
  const extra = new Map<string, string[]>();
  const { rawHeaders } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    if (name.startsWith(EXTRA)) {
      const key = extraKey(name.slice(EXTRA.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    } else if (name.startsWith(PREFIX)) {
      const what = name.slice(PREFIX.length);
      if (what !== 'user' && what !== 'uid' && what !== 'group')
        throw new AmphoraError('BadRequest', `the header ${name} is not known`);
      if (value !== '') values[what].push(value);
    }
  }
  const [name] = values.user;
  if (name === undefined || values.user.length > 1 || values.uid.length > 1)
    throw new AmphoraError('BadRequest', 'impersonation needs exactly one header Impersonate-User');
  return { name, uid: values.uid[0] ?? '', groups: values.group, extra: Object.fromEntries(extra) };
}

function* rightsFor({ name, uid, groups, extra }: User): Generator<ResourceAttributes> {
  const account = ACCOUNT.exec(name);
  if (account === null) yield right({ resource: 'users', name });
  else yield right({ resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' });
  for (const group of groups) yield right({ resource: 'groups', name: group });
  for (const [subresource, values] of Object.entries(extra))
    for (const value of values)
      yield right({ group: AUTHENTICATION, resource: 'userextras', subresource, name: value });
  if (uid !== '') yield right({ group: AUTHENTICATION, resource: 'uids', name: uid });
}

function right(what: Partial<ResourceAttributes> & { resource: string; name: string }): ResourceAttributes {
  return {
    kind: 'resource',
    verb: 'impersonate',
    group: '',
    version: 'v1',
    subresource: '',
    namespace: '',
    ...what,
  };
}

/** A service account has its groups by its name; whoever is somebody is authenticated. */
function withImpliedGroups(user: User): User {
  const namespace = ACCOUNT.exec(user.name)?.[1];
  const groups = [...user.groups];
  if (groups.length === 0 && namespace !== undefined)
    groups.push('system:serviceaccounts', `system:serviceaccounts:${namespace}`);
  const everybody = user.name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  if (!groups.includes('system:authenticated') && !groups.includes('system:unauthenticated'))
    groups.push(everybody);
  return { ...user, groups };
}
