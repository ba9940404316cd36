import type { MatchCondition } from '../../../api/types.generated.ts';
import type { AdmissionRequest } from '../admission.ts';

/**
 * `matchConditions`, compiled: all must hold for the webhook to be called; one that does not decides, whatever the
 * others are.
 */
export interface Conditions {
  /** @throws what could not be evaluated, when no condition said no. */
  match(request: AdmissionRequest): Promise<boolean>;
}

/** @throws Invalid for what is no expression. */
export type CompileConditions = (conditions: readonly MatchCondition[]) => Conditions;
