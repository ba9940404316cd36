import type { PolicyRule } from '../../../api/types.generated.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { PathAttributes, ResourceAttributes } from '../authorizer.ts';

const ALL = '*';

/** What a request asks for, as the keys under which a rule for it can stand. Made once for all roles. */
export interface Asked {
  readonly verb: string;
  /** Empty for none. */
  readonly name: string;
  readonly keys: readonly string[];
  /** Instead of a resource. */
  readonly path?: string;
}

/**
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 *
 * A rule's resource matches as a whole (`pods/log`), as `*`, or as any resource's subresource of that name (`*`, a slash and `scale`);
 * `pods/*` is no pattern, as upstream has it.
 */
export function askedResource(attributes: ResourceAttributes): Asked {
  const { verb, name, group, resource, subresource } = attributes;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const keys = [`${group}/${whole}`, `${group}/*`, `*/${whole}`, '*/*'];
  if (subresource !== '') keys.push(`${group}/*/${subresource}`, `*/*/${subresource}`);
  return { verb, name, keys };
}

export function askedPath({ verb, path }: PathAttributes): Asked {
  return { verb, name: '', keys: [], path };
}

interface Grant {
  /** Undefined: every verb. */
  readonly verbs: ReadonlySet<string> | undefined;
  /** Undefined: every name. */
  readonly names: ReadonlySet<string> | undefined;
}

/** A rule that names too much to have a key for each pair: it is searched instead. */
interface WideGrant {
  readonly groups: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  readonly grant: Grant;
}

/** A role's rules, by what they are about, so that a decision looks a few keys up instead of walking the rules. */
export class CompiledRole {
  readonly rules: readonly PolicyRule[];
  readonly #resources = new Map<string, Grant[]>();
  readonly #wide: WideGrant[] = [];
  readonly #paths: { readonly path: string; readonly isPrefix: boolean; readonly grant: Grant }[] = [];

  constructor(rules: readonly PolicyRule[]) {
    this.rules = rules;
    for (const rule of rules) this.#add(rule);
  }

  allows(asked: Asked): boolean {
    if (asked.path !== undefined) return this.#allowsPath(asked.path, asked.verb);
    if (this.#resources.size === 0 && this.#wide.length === 0) return false;
    return asked.keys.some((key) => {
      const grants = this.#resources.get(key);
      if (grants?.some((grant) => allowsNamed(grant, asked)) === true) return true;
      return this.#wide.length > 0 && this.#allowsWide(key, asked);
    });
  }

  #allowsWide(key: string, asked: Asked): boolean {
    const slash = key.indexOf('/');
    const [group, resource] = [key.slice(0, slash), key.slice(slash + 1)];
    return this.#wide.some(
      ({ groups, resources, grant }) =>
        groups.has(group) && resources.has(resource) && allowsNamed(grant, asked),
    );
  }

  #allowsPath(asked: string, verb: string): boolean {
    return this.#paths.some(
      ({ path, isPrefix, grant }) =>
        (isPrefix ? asked.startsWith(path) : asked === path) && grant.verbs?.has(verb) !== false,
    );
  }

  #add(rule: PolicyRule): void {
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    const verbs = rule.verbs.includes(ALL) ? undefined : new Set(rule.verbs);
    const grant = { verbs, names: resourceNames.length === 0 ? undefined : new Set(resourceNames) };
    if (apiGroups.length * resources.length > LIMITS.rbacKeys)
      this.#wide.push({ groups: new Set(apiGroups), resources: new Set(resources), grant });
    else this.#addKeys(apiGroups, resources, grant);
    for (const url of nonResourceURLs)
      this.#paths.push({ path: url.replace(/\*+$/, ''), isPrefix: url.endsWith(ALL), grant });
  }

  #addKeys(groups: readonly string[], resources: readonly string[], grant: Grant): void {
    for (const group of groups)
      for (const resource of resources) {
        const key = `${group}/${resource}`;
        const known = this.#resources.get(key);
        if (known === undefined) this.#resources.set(key, [grant]);
        else known.push(grant);
      }
  }
}

function allowsNamed({ verbs, names }: Grant, asked: Asked): boolean {
  return verbs?.has(asked.verb) !== false && names?.has(asked.name) !== false;
}
