import type { User } from '../access/user.ts';
import type { RequestContext } from './registry.ts';

/** A request of the platform itself, behind authorization: `user` says which part asks. */
export function platformContext(user: User, signal: AbortSignal): RequestContext {
  return {
    user,
    signal,
    requestId: '',
    dryRun: false,
    fieldManager: user.name,
    fieldValidation: 'Ignore',
    warn: () => {},
  };
}
