import type { FindObject } from '../access/authn/service-account-claims.ts';
import { isCode } from '../lib/errors.ts';
import { platformContext } from './platform-context.ts';
import type { Registry } from './registry.ts';

/** Whoever asks the registry here is the platform itself, behind authorization. */
const PLATFORM = { name: 'system:apiserver', uid: '', groups: ['system:masters'], extra: {} };

/** What tokens are bound to, as it is stored now. */
export function findObject(registry: Registry): FindObject {
  return async ({ kind: name, namespace, name: object }, signal) => {
    const kind = registry.kinds.byKind('v1', name);
    if (kind === undefined) return undefined;
    try {
      const target = { kind, namespace: kind.namespaced ? namespace : '', name: object };
      return (await registry.get(platformContext(PLATFORM, signal), target, {})).object();
    } catch (error) {
      if (isCode(error, 'NotFound')) return undefined;
      throw error;
    }
  };
}
