import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, invalid, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { validateIp } from '../validation/addresses.ts';

const MOST_NAMESERVERS = 3;
const MOST_SEARCHES = 32;
const LONGEST_SEARCHES = 2048;

/** Ports on the host, names of hosts, and who is asked for names. */
export function validatePodNetwork(spec: JsonObject, path: string): ErrorDetail[] {
  return [
    ...validateHostPorts(spec, path),
    ...items(spec, 'hostAliases').flatMap((alias, index) => {
      const at = `${path}.hostAliases[${index}]`;
      const hosts = Array.isArray(alias.hostnames) ? alias.hostnames : [];
      return [
        ...validateIp(alias.ip, `${at}.ip`),
        ...hosts.flatMap((host) =>
          dns1123Subdomain(String(host)).map((why) => invalid(`${at}.hostnames`, host, why)),
        ),
      ];
    }),
    ...(isJsonObject(spec.dnsConfig) ? validateDns(part(spec, 'dnsConfig'), `${path}.dnsConfig`) : []),
  ];
}

/** A port of the host is one container's; in the host's network a container's own ports are the host's. */
function validateHostPorts(spec: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const seen = new Set<string>();
  for (const [index, container] of items(spec, 'containers').entries()) {
    for (const [place, port] of items(container, 'ports').entries()) {
      const { hostPort, containerPort } = port;
      const at = `${path}.containers[${index}].ports[${place}]`;
      if (spec.hostNetwork === true && hostPort !== containerPort)
        details.push(
          invalid(`${at}.containerPort`, containerPort, 'must match `hostPort` when `hostNetwork` is true'),
        );
      if (typeof hostPort !== 'number' || hostPort === 0) continue;
      const key = `${text(port, 'protocol')}/${text(port, 'hostIP')}/${hostPort}`;
      if (seen.has(key)) details.push(duplicate(`${at}.hostPort`, key));
      seen.add(key);
    }
  }
  return details;
}

function validateDns(config: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const servers = Array.isArray(config.nameservers) ? config.nameservers : [];
  if (servers.length > MOST_NAMESERVERS)
    details.push(
      invalid(`${path}.nameservers`, servers, `must not have more than ${MOST_NAMESERVERS} nameservers`),
    );
  for (const [index, server] of servers.entries())
    details.push(...validateIp(server, `${path}.nameservers[${index}]`));
  const searches = Array.isArray(config.searches) ? config.searches.map(String) : [];
  if (searches.length > MOST_SEARCHES)
    details.push(
      invalid(`${path}.searches`, searches, `must not have more than ${MOST_SEARCHES} search paths`),
    );
  if (searches.join(' ').length > LONGEST_SEARCHES)
    details.push(
      invalid(
        `${path}.searches`,
        searches,
        `must not have more than ${LONGEST_SEARCHES} characters (including spaces) in the search list`,
      ),
    );
  for (const [index, search] of searches.entries())
    if (search !== '.')
      details.push(
        ...dns1123Subdomain(search.replace(/\.$/, '').replaceAll('_', '-')).map((why) =>
          invalid(`${path}.searches[${index}]`, search, why),
        ),
      );
  for (const [index, option] of items(config, 'options').entries())
    if (text(option, 'name') === '') details.push(required(`${path}.options[${index}]`, 'must not be empty'));
  return details;
}
