import type { AuthorizationRule } from './all.ts';

/** Health and version: what a load balancer and an installer need before they have credentials. */
const FOR_ALL = /^\/(healthz|livez|readyz)(\/[a-z0-9-]+)*$|^\/version\/?$/;
/** What any client reads to find its way: upstream's `system:discovery`. */
const FOR_AUTHENTICATED =
  /^\/(api|apis|openapi)(\/|$)|^\/openid\/v1\/jwks$|^\/\.well-known\/openid-configuration$/;
/** Questions about oneself: upstream's `system:basic-user`. */
const SELF_REVIEWS = new Set([
  'authentication.k8s.io/selfsubjectreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
]);

export const allowPublic: AuthorizationRule = (user, attributes) => {
  const known = user.groups.includes('system:authenticated');
  if (attributes.kind === 'resource') {
    const asked = `${attributes.group}/${attributes.resource}`;
    return known && attributes.verb === 'create' && SELF_REVIEWS.has(asked) ? 'asks about itself' : undefined;
  }
  if (attributes.verb !== 'get' && attributes.verb !== 'head') return undefined;
  if (FOR_ALL.test(attributes.path)) return 'open to everybody';
  return known && FOR_AUTHENTICATED.test(attributes.path) && !attributes.path.endsWith('/tunnel')
    ? 'open to whoever is known'
    : undefined;
};
