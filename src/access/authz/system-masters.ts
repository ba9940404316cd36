import type { AuthorizationRule } from './all.ts';

/** The administrator's certificate: everything. */
export const allowSystemMasters: AuthorizationRule = (user) =>
  user.groups.includes('system:masters') ? 'group system:masters may do everything' : undefined;
