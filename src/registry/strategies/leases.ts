import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid } from '../field-errors.ts';
import { part } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { notNegative, POSITIVE } from '../validation/numbers.ts';

export const leases: Strategy = {
  resource: 'leases.coordination.k8s.io',
  unconditionalUpdate: false,
  createOnUpdate: true,
  validate(lease) {
    const spec = part(lease, 'spec');
    const details: ErrorDetail[] = [];
    const { leaseDurationSeconds: duration, holderIdentity: holder } = spec;
    if (typeof duration === 'number' && duration <= 0)
      details.push(invalid('spec.leaseDurationSeconds', duration, POSITIVE));
    if (holder === '') details.push(invalid('spec.holderIdentity', holder, 'must not be empty'));
    return [...details, ...notNegative(spec, 'spec', 'leaseTransitions')];
  },
};
