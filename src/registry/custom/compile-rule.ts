import { followFieldPath, formatFieldPath } from '../../api/custom/field-path.ts';
import type { Node, Rule } from '../../api/custom/node.ts';
import { compileExpression, type Program } from '../../cel/cel.ts';
import { type CelType, optionalOf, TYPES } from '../../cel/types.ts';
import { AmphoraError } from '../../lib/errors.ts';

/** A rule of `x-kubernetes-validations` that can be evaluated. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly program: Program;
  readonly usesOldSelf: boolean;
  /** Computes the message; undefined: the rule has none, or a fixed one. */
  readonly message: Program | undefined;
  /** `.spec.size` below the place of the rule, without the first dot; empty: the place itself. */
  readonly fieldPath: string;
}

/** Why a rule does not compile. */
export interface RuleFault {
  readonly at: 'rule' | 'messageExpression';
  readonly why: string;
}

/** @param self the type of the value at the rule's place: the same value for `oldSelf`, so that both compare */
export function compileRule(rule: Rule, node: Node, self: CelType): CompiledRule | RuleFault {
  const plain = { self };
  const both = { self, oldSelf: rule.optionalOldSelf === true ? optionalOf(self) : self };
  let variables: Readonly<Record<string, CelType>> = plain;
  let program = tryCompile(rule.rule, { variables, returns: [TYPES.bool] });
  if (typeof program === 'string') {
    variables = both;
    program = tryCompile(rule.rule, { variables, returns: [TYPES.bool] });
  }
  if (typeof program === 'string') return { at: 'rule', why: program };
  const { messageExpression } = rule;
  const message =
    messageExpression === ''
      ? undefined
      : tryCompile(messageExpression, { variables, returns: [TYPES.string] });
  if (typeof message === 'string') return { at: 'messageExpression', why: message };
  return { rule, program, message, usesOldSelf: variables === both, fieldPath: fieldPathOf(rule, node) };
}

function tryCompile(
  source: string,
  options: { readonly variables: Readonly<Record<string, CelType>>; readonly returns: readonly CelType[] },
): Program | string {
  try {
    return compileExpression(source, options);
  } catch (error) {
    if (error instanceof AmphoraError) return error.message;
    throw error;
  }
}

function fieldPathOf({ fieldPath }: Rule, node: Node): string {
  if (fieldPath === '') return '';
  const found = followFieldPath(fieldPath, node, { brackets: true });
  return typeof found === 'string' ? '' : formatFieldPath(found.names, node);
}
