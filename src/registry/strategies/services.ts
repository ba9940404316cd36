import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, invalid, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

export const services: Strategy = {
  resource: 'services',
  defaults(service) {
    const spec = ensure(service, 'spec');
    for (const port of items(spec, 'ports')) port.targetPort ??= port.port;
    if (text(spec, 'sessionAffinity') === 'ClientIP')
      spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10800 } };
    const type = text(spec, 'type');
    if (type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (type === 'NodePort' || type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
    if (type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
    // Addresses are given by the service controller; a headless service says that it wants none.
    if (text(spec, 'clusterIP') !== '') spec.clusterIPs ??= [spec.clusterIP];
  },
  prepareUpdate(service, old) {
    // An update that says nothing about addresses keeps them, as clients write back what they know.
    const spec = ensure(service, 'spec');
    const before = part(old, 'spec');
    if (text(spec, 'type') === 'ExternalName') return;
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'])
      if (spec[field] === undefined && before[field] !== undefined) spec[field] = before[field];
  },
  validate: validateService,
  validateUpdate(service, old) {
    const next = text(part(service, 'spec'), 'clusterIP');
    const before = text(part(old, 'spec'), 'clusterIP');
    const released = text(part(service, 'spec'), 'type') === 'ExternalName';
    if (before === '' || next === before || released) return [];
    return [invalid('spec.clusterIPs[0]', [next], 'may not change once set')];
  },
};

function validateService(service: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(service, 'spec');
  const type = text(spec, 'type');
  const ports = items(spec, 'ports');
  const details: ErrorDetail[] = [];
  const headless = text(spec, 'clusterIP') === 'None';
  if (type === 'ExternalName' && text(spec, 'externalName') === '')
    details.push(required('spec.externalName'));
  if (ports.length === 0 && type !== 'ExternalName' && !headless) details.push(required('spec.ports'));
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const name = text(port, 'name');
    if (name === '' && ports.length > 1) details.push(required(`${at}.name`));
    if (name !== '' && names.has(name)) details.push(duplicate(`${at}.name`, name));
    names.add(name);
    const { port: number } = port;
    if (typeof number !== 'number' || number < 1 || number > 65535)
      details.push(invalid(`${at}.port`, number, 'must be between 1 and 65535, inclusive'));
    const key = `${number}/${text(port, 'protocol')}`;
    if (numbers.has(key)) details.push(duplicate(at, port));
    numbers.add(key);
  }
  return details;
}
