import type { ApiObject } from '../../../api/kind.ts';
import type { LiveObjects } from '../../live.ts';

/** A policy with the bindings that put it to use, both compiled. */
export interface Bound<Policy, Binding> {
  readonly policy: Policy;
  readonly bindings: readonly Binding[];
}

/** How objects become what requests are compared with; never fails: what is broken says so when it matches. */
export interface PolicyCompilers<Policy, Binding> {
  policy(object: Readonly<ApiObject>): Policy;
  binding(object: Readonly<ApiObject>): Binding;
}

/** The policies that a binding puts to use, by name. Each object is compiled once; nothing is looked up per request. */
export class Policies<Policy, Binding extends { readonly policyName: string }> {
  readonly #policies: LiveObjects;
  readonly #bindings: LiveObjects;
  readonly #compilers: PolicyCompilers<Policy, Binding>;
  readonly #compiledPolicies = new WeakMap<Readonly<ApiObject>, Policy>();
  readonly #compiledBindings = new WeakMap<Readonly<ApiObject>, Binding>();
  #policyVersion = -1;
  #bindingVersion = -1;
  #bound: readonly Bound<Policy, Binding>[] = [];

  constructor(
    live: { readonly policies: LiveObjects; readonly bindings: LiveObjects },
    compilers: PolicyCompilers<Policy, Binding>,
  ) {
    this.#policies = live.policies;
    this.#bindings = live.bindings;
    this.#compilers = compilers;
  }

  bound(): readonly Bound<Policy, Binding>[] {
    const { version: policyVersion } = this.#policies;
    const { version: bindingVersion } = this.#bindings;
    if (policyVersion === this.#policyVersion && bindingVersion === this.#bindingVersion) return this.#bound;
    this.#policyVersion = policyVersion;
    this.#bindingVersion = bindingVersion;
    this.#bound = this.#join();
    return this.#bound;
  }

  #join(): readonly Bound<Policy, Binding>[] {
    const bindings = byName(this.#bindings).map((object) =>
      remembered(this.#compiledBindings, object, this.#compilers.binding),
    );
    const byPolicy = Map.groupBy(bindings, ({ policyName }) => policyName);
    return byName(this.#policies).flatMap((object) => {
      const found = byPolicy.get(object.metadata.name);
      if (found === undefined) return [];
      const policy = remembered(this.#compiledPolicies, object, this.#compilers.policy);
      return [{ policy, bindings: found }];
    });
  }
}

function byName(objects: LiveObjects): Readonly<ApiObject>[] {
  return [...objects.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function remembered<T>(
  known: WeakMap<Readonly<ApiObject>, T>,
  object: Readonly<ApiObject>,
  compile: (object: Readonly<ApiObject>) => T,
): T {
  const found = known.get(object) ?? compile(object);
  known.set(object, found);
  return found;
}
