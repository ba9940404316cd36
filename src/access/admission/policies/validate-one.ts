import type { Outcome as Evaluated, Program } from '../../../cel/cel.ts';
import { typeNameOf } from '../../../cel/values.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { Activation } from './activation.ts';
import { holdAll } from './conditions.ts';
import type { Invocation } from './invocations.ts';
import type { Validations } from './validating.ts';

/** A validation that does not hold, or could not be evaluated. */
export interface Failure {
  readonly message: string;
  /** `Invalid`, unless the validation says otherwise. */
  readonly reason?: string;
  /** Of the validation in its policy. */
  readonly index: number;
}

export interface Outcome {
  readonly failures: readonly Failure[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  readonly annotationFaults: readonly string[];
}

const NOTHING: Outcome = { failures: [], annotations: [], annotationFaults: [] };
const OUT_OF_BUDGET =
  'validation failed due to running out of cost budget, no further validation rules will be run';

/** Evaluates a policy on a request. */
export function validateOne({ policy, parts }: Invocation<Validations>, activation: Activation): Outcome {
  const { failsOpen } = policy;
  try {
    if (!holdAll(parts.conditions, activation)) return NOTHING;
  } catch (error) {
    if (!(error instanceof AmphoraError)) throw error;
    return failsOpen ? NOTHING : { ...NOTHING, failures: [{ message: error.message, index: 0 }] };
  }
  const failures: Failure[] = [];
  for (const [index, validation] of parts.validations.entries()) {
    const result = validation.program.evaluate(activation.values, activation.budget);
    if (result.costExceeded === 'request')
      return failsOpen ? NOTHING : { ...NOTHING, failures: [{ message: OUT_OF_BUDGET, index: 0 }] };
    if (result.fault !== undefined) {
      if (!failsOpen) failures.push({ message: errorOf(validation.program, result), index });
    } else if (result.value !== true)
      failures.push({
        message: messageOf(validation, activation),
        reason: validation.spec.reason ?? 'Invalid',
        index,
      });
  }
  return { failures, ...annotate(parts, activation, failsOpen) };
}

function errorOf({ source }: Program, { fault }: Evaluated): string {
  return `expression '${source}' resulted in error: ${fault}`;
}

/** By the messageExpression, if it gives a line of text; else the message; else the expression. */
function messageOf(
  { spec, message }: Validations['validations'][number],
  { values, budget }: Activation,
): string {
  const made = message?.evaluate(values, budget).value;
  if (typeof made === 'string') {
    const text = made.trim();
    if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= LIMITS.celMessageBytes) return text;
  }
  const written = (spec.message ?? '').trim();
  return written === '' ? `failed expression: ${spec.expression.trim()}` : written;
}

function annotate(
  { annotations }: Validations,
  { values, budget }: Activation,
  failsOpen: boolean,
): Pick<Outcome, 'annotations' | 'annotationFaults'> {
  const made: { key: string; value: string }[] = [];
  const faults: string[] = [];
  for (const { key, program } of annotations) {
    const result = program.evaluate(values, budget);
    const { value } = result;
    if (result.fault !== undefined) {
      if (!failsOpen) faults.push(errorOf(program, result));
    } else if (typeof value === 'string') {
      const text = value.trim();
      if (text !== '') made.push({ key, value: text.slice(0, LIMITS.celAnnotationBytes) });
    } else if (value !== null)
      faults.push(
        `valueExpression '${program.source}' resulted in unsupported return type: ${typeNameOf(value)}. Return type must be either string or null.`,
      );
  }
  return { annotations: made, annotationFaults: faults };
}
