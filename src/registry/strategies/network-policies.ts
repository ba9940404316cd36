import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { isStrictlyInside, parseCidr, validateCidr } from '../validation/addresses.ts';
import { portNameFaults, validatePortNumber } from '../validation/ports.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

export const networkPolicies: Strategy = {
  resource: 'networkpolicies.networking.k8s.io',
  generation: true,
  defaults(policy) {
    const spec = ensure(policy, 'spec');
    spec.podSelector ??= {};
    // Who writes about what goes out means that, too; a policy without types has always been one of what comes in.
    if (Array.isArray(spec.policyTypes) && spec.policyTypes.length > 0) return;
    spec.policyTypes = items(spec, 'egress').length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: validatePolicy,
};

function validatePolicy(policy: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(policy, 'spec');
  const details = validateLabelSelector(part(spec, 'podSelector'), 'spec.podSelector');
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [index, rule] of items(spec, direction).entries()) {
      const at = `spec.${direction}[${index}]`;
      for (const [port, one] of items(rule, 'ports').entries())
        details.push(...validatePort(one, `${at}.ports[${port}]`));
      for (const [peer, one] of items(rule, peers).entries())
        details.push(...validatePeer(one, `${at}.${peers}[${peer}]`));
    }
  }
  const types = Array.isArray(spec.policyTypes) ? spec.policyTypes : [];
  if (types.length > 2)
    details.push(invalid('spec.policyTypes', types, 'may not specify more than two policyTypes'));
  return details;
}

function validatePort({ port, endPort }: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (typeof port === 'number') {
    details.push(...validatePortNumber(port, `${path}.port`));
    if (typeof endPort === 'number' && endPort < port)
      details.push(invalid(`${path}.endPort`, endPort, 'must be greater than or equal to `port`'));
    if (typeof endPort === 'number') details.push(...validatePortNumber(endPort, `${path}.endPort`));
  } else if (endPort !== undefined)
    details.push(
      port === undefined
        ? required(`${path}.port`, 'must be specified when `endPort` is specified')
        : invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric'),
    );
  if (typeof port === 'string')
    details.push(...portNameFaults(port).map((why) => invalid(`${path}.port`, port, why)));
  return details;
}

function validatePeer(peer: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const selectors = (['podSelector', 'namespaceSelector'] as const).filter(
    (field) => peer[field] !== undefined,
  );
  for (const field of selectors)
    details.push(...validateLabelSelector(part(peer, field), `${path}.${field}`));
  if (peer.ipBlock !== undefined) details.push(...validateBlock(part(peer, 'ipBlock'), `${path}.ipBlock`));
  const peers = selectors.length + Number(peer.ipBlock !== undefined);
  if (peers === 0) details.push(required(path, 'must specify a peer'));
  if (peers > 1 && peer.ipBlock !== undefined)
    details.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return details;
}

function validateBlock(block: JsonObject, path: string): ErrorDetail[] {
  const cidr = text(block, 'cidr');
  if (cidr === '') return [required(`${path}.cidr`)];
  const details = validateCidr(cidr, `${path}.cidr`);
  const outer = parseCidr(cidr);
  const except = Array.isArray(block.except) ? block.except : [];
  for (const [index, one] of except.entries()) {
    const at = `${path}.except[${index}]`;
    const inner = parseCidr(String(one));
    details.push(...validateCidr(one, at));
    if (inner !== undefined && outer !== undefined && !isStrictlyInside(inner, outer))
      details.push(invalid(at, one, 'must be a strict subset of `cidr`'));
  }
  return details;
}
