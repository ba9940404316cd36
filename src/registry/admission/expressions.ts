import type { JsonObject } from '../../api/json.ts';
import { qualifiedName } from '../../api/meta-validation.ts';
import type { Program } from '../../cel/cel.ts';
import { isIdentifier } from '../../cel/names.ts';
import { compilePolicyExpression, type Environment } from '../../cel/policy-environment.ts';
import { type CelType, TYPES } from '../../cel/types.ts';
import { AmphoraError, type ErrorDetail } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { duplicate, invalid, required } from '../field-errors.ts';
import { items, text } from '../fields.ts';

/** Collects what is wrong with the expressions of a policy, in the order upstream looks at them. */
export class ExpressionCheck {
  readonly details: ErrorDetail[] = [];
  readonly #types = new Map<string, CelType>();
  readonly #environment: Environment;

  constructor(environment: Omit<Environment, 'variables' | 'hasAuthorizer'>) {
    this.#environment = { ...environment, hasAuthorizer: true, variables: this.#types };
  }

  /** `variables`: each sees those before it. */
  variables(spec: JsonObject): void {
    for (const [index, variable] of items(spec, 'variables').entries()) {
      const path = `spec.variables[${index}]`;
      const name = text(variable, 'name');
      if (name === '') this.details.push(required(`${path}.name`, 'name is not specified'));
      else if (!isIdentifier(name))
        this.details.push(invalid(`${path}.name`, name, 'name is not a valid CEL identifier'));
      else if (this.#types.has(name)) this.details.push(duplicate(`${path}.name`, name));
      const program = this.expression(variable, 'expression', { path });
      this.#types.set(name, program?.type ?? TYPES.dyn);
    }
  }

  conditions(spec: JsonObject, at = 'spec'): void {
    const listed = items(spec, 'matchConditions');
    if (listed.length > LIMITS.matchConditions)
      this.details.push({
        reason: 'FieldValueTooMany',
        field: `${at}.matchConditions`,
        message: `Too many: ${listed.length}: must have at most ${LIMITS.matchConditions} items`,
      });
    const seen = new Set<string>();
    for (const [index, condition] of listed.entries()) {
      const path = `${at}.matchConditions[${index}]`;
      this.expression(condition, 'expression', { path, returns: [TYPES.bool] });
      const name = text(condition, 'name');
      if (name === '') this.details.push(required(`${path}.name`));
      else this.details.push(...qualifiedName(name).map((why) => invalid(`${path}.name`, name, why)));
      if (seen.has(name)) this.details.push(duplicate(`${path}.name`, name));
      seen.add(name);
    }
  }

  /** Compiles `of[name]`; undefined when it is missing or none. */
  expression(
    of: JsonObject,
    name: string,
    { path, returns }: { readonly path: string; readonly returns?: readonly CelType[] },
  ): Program | undefined {
    const source = text(of, name).trim();
    if (source === '') {
      this.details.push(required(`${path}.${name}`, `${name} is not specified`));
      return undefined;
    }
    try {
      const plain = name === 'expression' ? {} : { hasAuthorizer: false };
      return compilePolicyExpression(source, { ...this.#environment, ...plain }, returns);
    } catch (error) {
      if (!(error instanceof AmphoraError)) throw error;
      this.details.push(invalid(`${path}.${name}`, source, error.message));
      return undefined;
    }
  }
}
