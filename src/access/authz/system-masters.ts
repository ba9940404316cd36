import type { AuthorizationRule } from './all.ts';

const ALLOWED = { verdict: 'allow', reason: 'group system:masters may do everything' } as const;

/** The administrator's certificate: everything. */
export const allowSystemMasters: AuthorizationRule = (user) =>
  user.groups.includes('system:masters') ? ALLOWED : undefined;
