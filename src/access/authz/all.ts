import type { User } from '../user.ts';
import type { Attributes, Authorizer, Decision, Opinion } from './authorizer.ts';
import { allowComponents } from './components.ts';
import { allowNodes, type NodeGraph } from './node.ts';
import type { Rbac } from './rbac/rbac.ts';
import { allowSystemMasters } from './system-masters.ts';

/** One way to decide; undefined: no opinion. */
export type AuthorizationRule = (
  user: User,
  attributes: Attributes,
  signal: AbortSignal,
) => Promise<Opinion | undefined> | Opinion | undefined;

export interface AuthorizerParts {
  readonly graph: NodeGraph;
  readonly rbac: Rbac;
  /** Asked last. */
  readonly webhook?: AuthorizationRule;
}

/** The rules in the order they are asked. The first that allows or denies decides; what none allows is denied. */
export function createAuthorizer({ graph, rbac, webhook }: AuthorizerParts): Authorizer {
  return chain([
    allowSystemMasters,
    allowNodes(graph),
    allowComponents,
    (user, attributes) => rbac.authorize(user, attributes),
    ...(webhook === undefined ? [] : [webhook]),
  ]);
}

export function chain(rules: readonly AuthorizationRule[]): Authorizer {
  return {
    authorize: async (user, attributes, signal): Promise<Decision> => {
      const reasons: string[] = [];
      for (const rule of rules) {
        const said = rule(user, attributes, signal);
        // Most answer at once: a turn of the microtask queue each would be for nothing.
        const opinion = said instanceof Promise ? await said : said;
        if (opinion === undefined) continue;
        const { verdict, reason } = opinion;
        if (verdict === 'allow') return { allowed: true, reason };
        if (verdict === 'deny') return { allowed: false, denied: true, reason };
        reasons.push(reason);
      }
      return { allowed: false, reason: reasons.join('\n') };
    },
  };
}
