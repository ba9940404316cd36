import { equalJson } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { labelValue, qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { validateCidr } from '../validation/addresses.ts';
import { notNegativeQuantity } from '../validation/quantities.ts';

export const nodes: Strategy = {
  resource: 'nodes',
  validate: validateNode,
  validateUpdate(node, old) {
    const next = part(node, 'spec');
    const before = part(old, 'spec');
    const details: ErrorDetail[] = [];
    // Both are given once, by whoever runs the machines.
    if (given(before.podCIDRs) && !equalJson(next.podCIDRs, before.podCIDRs))
      details.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
    if (given(before.providerID) && next.providerID !== before.providerID)
      details.push(
        forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'),
      );
    return details;
  },
};

function given(value: unknown): boolean {
  return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
}

function validateNode(node: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(node, 'spec');
  const details: ErrorDetail[] = [];
  const seen = new Set<string>();
  for (const [index, taint] of items(spec, 'taints').entries()) {
    const at = `spec.taints[${index}]`;
    const key = text(taint, 'key');
    const value = text(taint, 'value');
    details.push(...qualifiedName(key).map((why) => invalid(`${at}.key`, key, why)));
    details.push(...labelValue(value).map((why) => invalid(`${at}.value`, value, why)));
    if (text(taint, 'effect') === '') details.push(required(`${at}.effect`));
    const name = `${key}:${text(taint, 'effect')}`;
    if (seen.has(name)) details.push(duplicate(at, taint));
    seen.add(name);
  }
  const cidrs = Array.isArray(spec.podCIDRs) ? spec.podCIDRs : [];
  for (const [index, cidr] of cidrs.entries()) details.push(...validateCidr(cidr, `spec.podCIDRs[${index}]`));
  for (const list of ['capacity', 'allocatable'] as const)
    for (const [name, amount] of Object.entries(part(part(node, 'status'), list)))
      details.push(...notNegativeQuantity(amount, `status.${list}[${name}]`));
  return details;
}
