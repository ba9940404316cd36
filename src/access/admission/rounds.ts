import type { ApiObject } from '../../api/kind.ts';

/**
 * Who is called again: when a webhook or a policy changed the object, all mutating plugins run a second and last
 * time, and those of the webhooks and policies that ask for it (`reinvocationPolicy: IfNeeded`) and were called
 * before the change.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy
 */
export class Rounds {
  isSecond = false;
  /** Whether somebody from outside changed the object. */
  changed = false;
  readonly #of = new Map<string, PluginRounds>();

  of(plugin: string): PluginRounds {
    const known = this.#of.get(plugin) ?? new PluginRounds(this);
    this.#of.set(plugin, known);
    return known;
  }
}

/** What one plugin knows of the round before. */
export class PluginRounds {
  readonly #rounds: Rounds;
  readonly #called = new Set<string>();
  readonly #due = new Set<string>();
  #left: string | undefined;

  constructor(rounds: Rounds) {
    this.#rounds = rounds;
  }

  /** When the plugin begins: what others changed since it ended is a reason to call again. */
  begin(object: Readonly<ApiObject>): void {
    if (this.#rounds.isSecond && this.#left !== undefined && this.#left !== JSON.stringify(object))
      this.#callAgain();
  }

  end(object: Readonly<ApiObject>): void {
    if (!this.#rounds.isSecond) this.#left = JSON.stringify(object);
  }

  isDue(id: string): boolean {
    return !this.#rounds.isSecond || this.#due.has(id);
  }

  /** After each call. Who changes the object is not called again for that. */
  called(id: string, outcome: { readonly changed: boolean; readonly reinvocable: boolean }): void {
    if (outcome.changed) {
      this.#rounds.changed = true;
      this.#callAgain();
    }
    if (outcome.reinvocable) this.#called.add(id);
  }

  #callAgain(): void {
    for (const id of this.#called) this.#due.add(id);
    this.#called.clear();
  }
}
