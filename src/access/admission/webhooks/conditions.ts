import type { MatchCondition } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { AdmissionRequest } from '../admission.ts';

/**
 * `matchConditions`, compiled: all must hold for the webhook to be called; one that does not decides, whatever the
 * others are.
 */
export interface Conditions {
  /** @throws what could not be evaluated, when no condition said no. */
  match(request: AdmissionRequest): Promise<boolean>;
}

/** For who has no expression language: conditions that nobody can tell. */
export const noConditions: CompileConditions = () => ({
  async match() {
    throw new AmphoraError('NotImplemented', 'this server evaluates no matchConditions');
  },
});

/** @throws BadRequest for what is no expression. */
export type CompileConditions = (conditions: readonly MatchCondition[]) => Conditions;
