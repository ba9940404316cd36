import type { MatchCondition } from '../../../api/types.generated.ts';
import type { Program } from '../../../cel/cel.ts';
import { compilePolicyExpression, type Environment } from '../../../cel/policy-environment.ts';
import { TYPES } from '../../../cel/types.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { CompileConditions } from '../webhooks/conditions.ts';
import { type Activation, activate, seen } from './activation.ts';
import { Answers } from './answers.ts';

/** One of `matchConditions`. */
export interface Condition {
  readonly name: string;
  readonly program: Program;
}

export function compileConditions(
  conditions: readonly MatchCondition[],
  environment: Environment,
): Condition[] {
  return conditions.map(({ name, expression }) => ({
    name,
    program: compilePolicyExpression(expression, environment, [TYPES.bool]),
  }));
}

/** Whether all hold: one that does not decides. @throws Invalid with what could not be evaluated, when none said no */
export function holdAll(conditions: readonly Condition[], { values, budget }: Activation): boolean {
  const faults: string[] = [];
  for (const { program } of conditions) {
    const { value, fault } = program.evaluate(values, budget);
    if (fault !== undefined) faults.push(`expression '${program.source}' resulted in error: ${fault}`);
    else if (value !== true) return false;
  }
  if (faults.length === 0) return true;
  throw new AmphoraError('Invalid', faults.length === 1 ? (faults[0] ?? '') : `[${faults.join(', ')}]`);
}

/** For webhooks: they have neither parameters nor variables. */
export function conditionCompiler(authorizer: () => Authorizer): CompileConditions {
  return (listed) => {
    const conditions = compileConditions(listed, { hasAuthorizer: true });
    return {
      async match(request) {
        const answers = new Answers(request, authorizer);
        const objects = await seen(request, request.asked, undefined);
        return await answers.settle(() => holdAll(conditions, activate(objects, { answers })));
      },
    };
  };
}
