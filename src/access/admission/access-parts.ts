import type { Clock } from '../../lib/clock.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { Rbac } from '../authz/rbac/rbac.ts';

/** What plugins that guard rights ask. */
export interface AccessParts {
  /** Made after the registry that admission is a part of. */
  readonly authorizer: () => Authorizer;
  readonly rbac: Rbac;
  readonly clock: Clock;
}
