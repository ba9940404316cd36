import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, notSupported } from '../field-errors.ts';
import { part } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { atMostAll, intOrPercent } from '../validation/numbers.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

const POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

export const disruptionBudgets: Strategy = {
  resource: 'poddisruptionbudgets.policy',
  generation: true,
  validate(budget) {
    const spec = part(budget, 'spec');
    const details: ErrorDetail[] = [];
    const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy: policy } = spec;
    if (minAvailable !== undefined && maxUnavailable !== undefined)
      details.push(invalid('spec', spec, 'minAvailable and maxUnavailable are mutually exclusive'));
    for (const [field, value] of Object.entries({ minAvailable, maxUnavailable }))
      details.push(...intOrPercent(value, `spec.${field}`), ...atMostAll(value, `spec.${field}`));
    if (policy !== undefined && !POLICIES.includes(String(policy)))
      details.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, POLICIES));
    return [...details, ...validateLabelSelector(part(spec, 'selector'), 'spec.selector')];
  },
};
