import { isIPv6 } from 'node:net';
import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Label, dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, invalid, notSupported, required } from '../field-errors.ts';
import { items, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { validateIp, validateIpv4, validateIpv6 } from '../validation/addresses.ts';
import { immutable } from '../validation/immutable.ts';
import { validatePortNumber } from '../validation/ports.ts';

const MOST_ENDPOINTS = 1000;
const MOST_ADDRESSES = 100;
const MOST_PORTS = 20_000;
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

export const endpoints: readonly Strategy[] = [
  { resource: 'endpoints', createOnUpdate: true, validate: validateEndpoints },
  {
    resource: 'endpointslices.discovery.k8s.io',
    generation: true,
    validate: validateSlice,
    validateUpdate: (slice, old) => immutable({ next: slice, before: old, path: '' }, 'addressType'),
  },
];

function validateSlice(slice: Readonly<ApiObject>): ErrorDetail[] {
  const type = text(slice, 'addressType');
  const details: ErrorDetail[] = [];
  if (type === '') details.push(required('addressType'));
  const all = items(slice, 'endpoints');
  if (all.length > MOST_ENDPOINTS) details.push(tooMany('endpoints', all.length, MOST_ENDPOINTS));
  for (const [index, endpoint] of all.entries())
    details.push(...validateEndpoint(endpoint, { path: `endpoints[${index}]`, type }));
  const ports = items(slice, 'ports');
  if (ports.length > MOST_PORTS) details.push(tooMany('ports', ports.length, MOST_PORTS));
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `ports[${index}]`;
    const name = text(port, 'name');
    if (name !== '') details.push(...dns1123Label(name).map((why) => invalid(`${at}.name`, name, why)));
    if (names.has(name)) details.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (!PROTOCOLS.includes(text(port, 'protocol')))
      details.push(notSupported(`${at}.protocol`, port.protocol, PROTOCOLS));
  }
  return details;
}

function validateEndpoint(
  endpoint: JsonObject,
  { path, type }: { readonly path: string; readonly type: string },
): ErrorDetail[] {
  const addresses = Array.isArray(endpoint.addresses) ? endpoint.addresses : [];
  const details: ErrorDetail[] = [];
  if (addresses.length === 0) details.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  if (addresses.length > MOST_ADDRESSES)
    details.push(tooMany(`${path}.addresses`, addresses.length, MOST_ADDRESSES));
  for (const [index, address] of addresses.entries()) {
    const at = `${path}.addresses[${index}]`;
    if (type === 'IPv4') details.push(...validateIpv4(address, at));
    else if (type === 'IPv6') details.push(...validateIpv6(address, at));
    else if (type === 'FQDN')
      details.push(...dns1123Subdomain(String(address)).map((why) => invalid(at, address, why)));
    if (type === 'IPv4' || type === 'IPv6') details.push(...validateSpecial(String(address), at));
  }
  for (const field of ['nodeName', 'hostname'] as const) {
    const value = endpoint[field];
    const rule = field === 'hostname' ? dns1123Label : dns1123Subdomain;
    if (typeof value === 'string')
      details.push(...rule(value).map((why) => invalid(`${path}.${field}`, value, why)));
  }
  return details;
}

function validateEndpoints(object: Readonly<ApiObject>): ErrorDetail[] {
  return items(object, 'subsets').flatMap((subset, index) => {
    const at = `subsets[${index}]`;
    const details: ErrorDetail[] = [];
    const lists = ['addresses', 'notReadyAddresses'] as const;
    if (lists.every((list) => items(subset, list).length === 0))
      details.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    for (const list of lists)
      for (const [place, address] of items(subset, list).entries()) {
        const field = `${at}.${list}[${place}].ip`;
        const wrong = validateIp(address.ip, field);
        details.push(...(wrong.length > 0 ? wrong : validateSpecial(text(address, 'ip'), field)));
      }
    const ports = items(subset, 'ports');
    for (const [place, port] of ports.entries()) {
      const field = `${at}.ports[${place}]`;
      const name = text(port, 'name');
      if (name === '' && ports.length > 1) details.push(required(`${field}.name`));
      if (name !== '') details.push(...dns1123Label(name).map((why) => invalid(`${field}.name`, name, why)));
      details.push(...validatePortNumber(port.port, `${field}.port`));
    }
    return details;
  });
}

/** Addresses that lead nowhere, or to whoever asks. */
function validateSpecial(address: string, field: string): ErrorDetail[] {
  const why = specialOf(address);
  return why === undefined ? [] : [invalid(field, address, why)];
}

function specialOf(address: string): string | undefined {
  if (isIPv6(address)) {
    const text = address.toLowerCase();
    if (text === '::') return 'may not be unspecified (::)';
    if (text === '::1') return 'may not be in the loopback range (127.0.0.0/8, ::1/128)';
    if (/^fe[89ab]/.test(text)) return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)';
    return /^ff02:/.test(text)
      ? 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'
      : undefined;
  }
  if (address === '0.0.0.0') return 'may not be unspecified (0.0.0.0)';
  if (address.startsWith('127.')) return 'may not be in the loopback range (127.0.0.0/8, ::1/128)';
  if (address.startsWith('169.254.')) return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)';
  if (address.startsWith('224.0.0.'))
    return 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)';
  return undefined;
}

function tooMany(field: string, count: number, most: number): ErrorDetail {
  return {
    reason: 'FieldValueTooMany',
    field,
    message: `Too many: ${count}: must have at most ${most} items`,
  };
}
