import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Label, dns1123Subdomain, labelDetails, qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { validateCidr, validateIp } from './addresses.ts';
import { within } from './numbers.ts';
import { portNameFaults, validatePortNumber } from './ports.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const DAY_SECONDS = 86_400;

/** What upstream's ValidateService checks; addresses and node ports are checked where they are claimed. */
export function validateService(service: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(service, 'spec');
  const type = text(spec, 'type');
  if (!TYPES.includes(type)) return []; // The schema says so.
  return [
    ...validatePorts(spec, type),
    // The schema has conformed it: a map of strings.
    ...labelDetails(part(spec, 'selector') as Record<string, string>, 'spec.selector'),
    ...validateAddresses(spec, type),
    ...validateTraffic(spec, type),
    ...validateBalancer(spec, type),
  ];
}

function validatePorts(spec: JsonObject, type: string): ErrorDetail[] {
  const ports = items(spec, 'ports');
  const headless = text(spec, 'clusterIP') === 'None';
  const details: ErrorDetail[] =
    ports.length === 0 && type !== 'ExternalName' && !headless ? [required('spec.ports')] : [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    details.push(...validatePort(port, { at, named: ports.length > 1 }));
    const name = text(port, 'name');
    if (name !== '' && names.has(name)) details.push(duplicate(`${at}.name`, name));
    names.add(name);
    const key = `${port.port}/${text(port, 'protocol')}`;
    if (numbers.has(key)) details.push(duplicate(at, port));
    numbers.add(key);
    const { nodePort } = port;
    if (typeof nodePort !== 'number' || nodePort === 0) continue;
    if (type === 'ClusterIP' || type === 'ExternalName')
      details.push(forbidden(`${at}.nodePort`, `may not be used when \`type\` is '${type}'`));
    const held = `${nodePort}/${text(port, 'protocol')}`;
    if (nodePorts.has(held)) details.push(duplicate(`${at}.nodePort`, nodePort));
    nodePorts.add(held);
  }
  return details;
}

function validatePort(
  port: JsonObject,
  { at, named }: { readonly at: string; readonly named: boolean },
): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const name = text(port, 'name');
  if (name === '' && named) details.push(required(`${at}.name`));
  if (name !== '') details.push(...dns1123Label(name).map((why) => invalid(`${at}.name`, name, why)));
  details.push(...validatePortNumber(port.port, `${at}.port`));
  const { targetPort } = port;
  if (typeof targetPort === 'number') details.push(...validatePortNumber(targetPort, `${at}.targetPort`));
  if (typeof targetPort === 'string')
    details.push(...portNameFaults(targetPort).map((why) => invalid(`${at}.targetPort`, targetPort, why)));
  const protocol = port.appProtocol;
  if (typeof protocol === 'string')
    details.push(...qualifiedName(protocol).map((why) => invalid(`${at}.appProtocol`, protocol, why)));
  return details;
}

function validateAddresses(spec: JsonObject, type: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (type === 'ExternalName') {
    const name = text(spec, 'externalName').replace(/\.$/, '');
    if (name === '') details.push(required('spec.externalName'));
    else details.push(...dns1123Subdomain(name).map((why) => invalid('spec.externalName', name, why)));
    for (const field of ['clusterIP', 'clusterIPs'] as const)
      if (spec[field] !== undefined && spec[field] !== '' && !isEmptyList(spec[field]))
        details.push(forbidden(`spec.${field}`, "may not be set when `type` is 'ExternalName'"));
  }
  if (type === 'LoadBalancer' && text(spec, 'clusterIP') === 'None')
    details.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"));
  if (type === 'NodePort' && text(spec, 'clusterIP') === 'None')
    details.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"));
  const clusterIPs = listOf(spec, 'clusterIPs');
  const first = text(spec, 'clusterIP');
  if (first !== '' && clusterIPs.length > 0 && clusterIPs[0] !== first)
    details.push(invalid('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
  for (const [index, address] of listOf(spec, 'externalIPs').entries()) {
    const at = `spec.externalIPs[${index}]`;
    const wrong = validateIp(address, at);
    details.push(...wrong);
    if (wrong.length === 0 && /^(0\.0\.0\.0|127\.|::1$|::$)/.test(String(address)))
      details.push(invalid(at, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  }
  return details;
}

function validateTraffic(spec: JsonObject, type: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const affinity = text(spec, 'sessionAffinity');
  const { sessionAffinityConfig: config, externalTrafficPolicy: policy, healthCheckNodePort: health } = spec;
  if (affinity === 'None' && config !== undefined)
    details.push(forbidden('spec.sessionAffinityConfig', 'must not be set when session affinity is None'));
  if (affinity === 'ClientIP')
    details.push(
      ...within(
        part(config, 'clientIP').timeoutSeconds,
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
        { from: 1, to: DAY_SECONDS },
      ),
    );
  const external = type === 'NodePort' || type === 'LoadBalancer' || listOf(spec, 'externalIPs').length > 0;
  if (policy !== undefined && policy !== '' && !external)
    details.push(
      invalid('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services'),
    );
  if (typeof health === 'number' && health !== 0 && !(type === 'LoadBalancer' && policy === 'Local'))
    details.push(
      invalid(
        'spec.healthCheckNodePort',
        health,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  const { trafficDistribution } = spec;
  const known = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
  if (trafficDistribution !== undefined && !known.includes(String(trafficDistribution)))
    details.push(notSupported('spec.trafficDistribution', trafficDistribution, known));
  return details;
}

function validateBalancer(spec: JsonObject, type: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  for (const field of [
    'allocateLoadBalancerNodePorts',
    'loadBalancerClass',
    'loadBalancerSourceRanges',
  ] as const)
    if (spec[field] !== undefined && type !== 'LoadBalancer')
      details.push(forbidden(`spec.${field}`, "may only be used when `type` is 'LoadBalancer'"));
  for (const [index, range] of listOf(spec, 'loadBalancerSourceRanges').entries())
    details.push(...validateCidr(String(range).trim(), `spec.loadBalancerSourceRanges[${index}]`));
  const balancer = spec.loadBalancerClass;
  if (typeof balancer === 'string')
    details.push(...qualifiedName(balancer).map((why) => invalid('spec.loadBalancerClass', balancer, why)));
  return details;
}

function listOf(of: JsonObject, field: string): readonly unknown[] {
  const value = of[field];
  return Array.isArray(value) ? value : [];
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
