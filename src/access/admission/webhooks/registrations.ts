import type { ApiObject } from '../../../api/kind.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/types.generated.ts';
import type { LiveObjects } from '../../live.ts';
import { compileWebhook, type Webhook } from './compile.ts';
import type { CompileConditions } from './conditions.ts';

/** The webhooks of all configurations: by the configuration's name, then in its order. Compiled once per change. */
export class Registrations {
  readonly #objects: LiveObjects;
  readonly #compileConditions: CompileConditions;
  readonly #compiled = new WeakMap<Readonly<ApiObject>, readonly Webhook[]>();
  #version = -1;
  #webhooks: readonly Webhook[] = [];

  constructor(objects: LiveObjects, compileConditions: CompileConditions) {
    this.#objects = objects;
    this.#compileConditions = compileConditions;
  }

  webhooks(): readonly Webhook[] {
    if (this.#version === this.#objects.version) return this.#webhooks;
    this.#version = this.#objects.version;
    const sorted = [...this.#objects.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    this.#webhooks = sorted.flatMap((configuration) => this.#of(configuration));
    return this.#webhooks;
  }

  #of(configuration: Readonly<ApiObject>): readonly Webhook[] {
    const known = this.#compiled.get(configuration);
    if (known !== undefined) return known;
    const { name } = configuration.metadata;
    const listed = (configuration.webhooks ?? []) as readonly (MutatingWebhook | ValidatingWebhook)[]; // Its schema.
    const compileConditions = this.#compileConditions;
    const made = listed.map((webhook, index) =>
      compileWebhook(webhook, { configuration: name, index, compileConditions }),
    );
    this.#compiled.set(configuration, made);
    return made;
  }
}
