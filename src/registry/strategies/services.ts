import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { invalid } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import { allocateService, serviceClaims, validateClaims } from '../service-claims.ts';
import type { Strategy } from '../strategy.ts';
import { validateService } from '../validation/service.ts';

export const services: Strategy = {
  resource: 'services',
  returnsDeleted: true,
  defaults(service) {
    const spec = ensure(service, 'spec');
    for (const port of items(spec, 'ports')) port.targetPort ??= port.port;
    if (text(spec, 'sessionAffinity') === 'ClientIP')
      spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10800 } };
    const type = text(spec, 'type');
    if (type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (type === 'NodePort' || type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
    if (type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
    // A headless service says that it wants no address; others get theirs when they are allocated.
    if (text(spec, 'clusterIP') !== '') spec.clusterIPs ??= [spec.clusterIP];
  },
  prepareUpdate(service, old) {
    // An update that says nothing about addresses keeps them, as clients write back what they know.
    const spec = ensure(service, 'spec');
    const before = part(old, 'spec');
    dropDependent(spec, before);
    if (text(spec, 'type') === 'ExternalName') {
      if (text(before, 'type') !== 'ExternalName') releaseAddresses(spec, before);
      return;
    }
    keepNodePorts(service, old);
    for (const field of ADDRESSES)
      if (spec[field] === undefined && before[field] !== undefined) spec[field] = before[field];
  },
  allocate: allocateService,
  claims: serviceClaims,
  validate: (service) => [...validateService(service), ...validateClaims(service)],
  validateUpdate(service, old) {
    const next = text(part(service, 'spec'), 'clusterIP');
    const before = text(part(old, 'spec'), 'clusterIP');
    const released = text(part(service, 'spec'), 'type') === 'ExternalName';
    if (before === '' || next === before || released) return [];
    return [invalid('spec.clusterIPs[0]', [next], 'may not change once set')];
  },
};

const ADDRESSES = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'];

/** A service that becomes a name only gives its addresses back; clients write back what they know. */
function releaseAddresses(spec: JsonObject, before: Readonly<JsonObject>): void {
  for (const field of ADDRESSES) if (equalJson(spec[field], before[field])) delete spec[field];
}

const EXTERNAL: readonly unknown[] = ['NodePort', 'LoadBalancer'];

/** What only the former type could have and the caller has left as it was goes with that type. */
function dropDependent(spec: JsonObject, before: Readonly<JsonObject>): void {
  const drop = (field: string) => {
    if (equalJson(spec[field], before[field])) delete spec[field];
  };
  if (EXTERNAL.includes(before.type) && !EXTERNAL.includes(spec.type)) {
    drop('externalTrafficPolicy');
    const held = new Set(items(before, 'ports').map(({ nodePort }) => nodePort));
    for (const port of items(spec, 'ports')) if (held.has(port.nodePort)) delete port.nodePort;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
    for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass', 'healthCheckNodePort'])
      drop(field);
}

/** Ports that say nothing about their node port keep it, found by their number and protocol. */
function keepNodePorts(service: ApiObject, old: Readonly<ApiObject>): void {
  if (!['NodePort', 'LoadBalancer'].includes(text(part(service, 'spec'), 'type'))) return;
  const before = items(part(old, 'spec'), 'ports');
  const taken = new Set(items(part(service, 'spec'), 'ports').map(({ nodePort }) => nodePort));
  for (const port of items(part(service, 'spec'), 'ports')) {
    if (port.nodePort !== undefined && port.nodePort !== 0) continue;
    const same = before.find((one) => one.port === port.port && one.protocol === port.protocol);
    if (same?.nodePort !== undefined && !taken.has(same.nodePort)) port.nodePort = same.nodePort;
  }
}
