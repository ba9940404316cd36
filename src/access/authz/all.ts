import type { User } from '../user.ts';
import type { Attributes, Authorizer, Decision } from './authorizer.ts';
import { allowComponents } from './components.ts';
import { allowNodes, type NodeGraph } from './node.ts';
import { allowPublic } from './public.ts';
import { allowSystemMasters } from './system-masters.ts';

/** Allowed, with the reason for the audit log; undefined: no opinion. */
export type AuthorizationRule = (
  user: User,
  attributes: Attributes,
  signal: AbortSignal,
) => Promise<string | undefined> | string | undefined;

/** The rules in the order they are asked. The first that allows decides; what none allows is denied. */
export function createAuthorizer(options: { graph: NodeGraph }): Authorizer {
  return chain([allowSystemMasters, allowNodes(options.graph), allowComponents, allowPublic]);
}

export function chain(rules: readonly AuthorizationRule[]): Authorizer {
  return {
    authorize: async (user, attributes, signal): Promise<Decision> => {
      for (const rule of rules) {
        const reason = await rule(user, attributes, signal);
        if (reason !== undefined) return { allowed: true, reason };
      }
      return { allowed: false, reason: '' };
    },
  };
}
