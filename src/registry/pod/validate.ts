import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { dns1123Label, dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { validateContainer } from './validate-container.ts';
import { validatePodNetwork } from './validate-network.ts';
import { validatePlacement } from './validate-placement.ts';
import { validatePodSecurity } from './validate-security.ts';

/** What upstream's ValidatePodSpec checks, of what is served today, in its words and with its paths. */
export function validatePodSpec(spec: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const volumes = validateVolumes(spec, `${path}.volumes`, details);
  if (items(spec, 'containers').length === 0) details.push(required(`${path}.containers`));
  const names = new Set<string>();
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [index, container] of items(spec, list).entries()) {
      const at = `${path}.${list}[${index}]`;
      details.push(...validateContainer(container, { path: at, volumes, init: list === 'initContainers' }));
      const name = text(container, 'name');
      if (names.has(name)) details.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
  }
  details.push(...validateScalars(spec, path));
  details.push(...validateHost(spec, path));
  details.push(...validatePlacement(spec, path), ...validatePodSecurity(spec, path));
  details.push(...validatePodNetwork(spec, path));
  return details;
}

function validateScalars(spec: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const check = (field: string, rule: (value: string) => readonly string[]) => {
    const value = text(spec, field);
    if (value !== '') details.push(...rule(value).map((why) => invalid(`${path}.${field}`, value, why)));
  };
  check('nodeName', dns1123Subdomain);
  check('serviceAccountName', dns1123Subdomain);
  check('runtimeClassName', dns1123Subdomain);
  check('priorityClassName', dns1123Subdomain);
  check('hostname', dns1123Label);
  check('subdomain', dns1123Label);
  const deadline = spec.activeDeadlineSeconds;
  if (typeof deadline === 'number' && (deadline < 1 || deadline > 2 ** 31 - 1))
    details.push(
      invalid(`${path}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive'),
    );
  const grace = spec.terminationGracePeriodSeconds;
  if (typeof grace === 'number' && grace < 0)
    details.push(
      invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0'),
    );
  if (text(spec, 'dnsPolicy') === 'None' && !Array.isArray(part(spec, 'dnsConfig').nameservers))
    details.push(
      required(
        `${path}.dnsConfig.nameservers`,
        'must provide at least one DNS nameserver when `dnsPolicy` is None',
      ),
    );
  return details;
}

function validateHost(spec: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (spec.hostPID === true && spec.shareProcessNamespace === true)
    details.push(
      invalid(
        `${path}.shareProcessNamespace`,
        true,
        'ShareProcessNamespace and HostPID cannot both be enabled',
      ),
    );
  for (const [index, toleration] of items(spec, 'tolerations').entries()) {
    const at = `${path}.tolerations[${index}]`;
    if (text(toleration, 'key') === '' && text(toleration, 'operator') !== 'Exists')
      details.push(
        invalid(
          `${at}.operator`,
          toleration.operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (text(toleration, 'operator') === 'Exists' && text(toleration, 'value') !== '')
      details.push(
        invalid(`${at}.operator`, toleration.value, "value must be empty when `operator` is 'Exists'"),
      );
    if (toleration.tolerationSeconds !== undefined && text(toleration, 'effect') !== 'NoExecute')
      details.push(
        invalid(
          `${at}.effect`,
          toleration.effect ?? '',
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
  }
  return details;
}

/** The volumes' names; what is wrong is added to `details`. */
function validateVolumes(spec: JsonObject, path: string, details: ErrorDetail[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, volume] of items(spec, 'volumes').entries()) {
    const at = `${path}[${index}]`;
    const name = text(volume, 'name');
    if (name === '') details.push(required(`${at}.name`));
    else details.push(...dns1123Label(name).map((why) => invalid(`${at}.name`, name, why)));
    if (names.has(name)) details.push(duplicate(`${at}.name`, name));
    names.add(name);
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    if (sources.length === 0) details.push(required(at, 'must specify a volume type'));
    for (const extra of sources.slice(1))
      details.push(forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type'));
    details.push(...validateSource(volume, at));
  }
  return names;
}

function validateSource(volume: JsonObject, at: string): ErrorDetail[] {
  const needs = (source: string, field: string) =>
    isJsonObject(volume[source]) && text(volume[source], field) === ''
      ? [required(`${at}.${source}.${field}`)]
      : [];
  const details = [
    ...needs('hostPath', 'path'),
    ...needs('secret', 'secretName'),
    ...needs('configMap', 'name'),
    ...needs('persistentVolumeClaim', 'claimName'),
  ];
  const hostPath = text(volume.hostPath, 'path');
  if (hostPath.split('/').includes('..'))
    details.push(invalid(`${at}.hostPath.path`, hostPath, "must not contain '..'"));
  const medium = text(volume.emptyDir, 'medium');
  if (medium !== '' && medium !== 'Memory' && !medium.startsWith('HugePages'))
    details.push(notSupported(`${at}.emptyDir.medium`, medium, ['', 'Memory']));
  return details;
}
