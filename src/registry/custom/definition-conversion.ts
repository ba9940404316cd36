import { isCaBundle } from '../../api/custom/ca-bundle.ts';
import { forbidden, invalid, required } from '../../api/custom/faults.ts';
import { isJsonObject, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1035Label } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { part, text } from '../fields.ts';
import { isEstablished } from './definition-status.ts';

const CLIENT = 'spec.conversion.webhookClientConfig';
const VERSIONS = 'spec.conversion.conversionReviewVersions';
const KNOWN = ['v1', 'v1beta1'];

/** What is wrong with `spec.conversion`; upstream names its fields as its own internal version does. */
export function conversionFaults(
  conversion: JsonObject,
  old: Readonly<ApiObject> | undefined,
): ErrorDetail[] {
  const { strategy, webhook } = conversion;
  if (strategy === undefined || strategy === '') return [required('spec.conversion.strategy')];
  const config = isJsonObject(webhook) ? webhook.clientConfig : undefined;
  const versions =
    isJsonObject(webhook) && Array.isArray(webhook.conversionReviewVersions)
      ? webhook.conversionReviewVersions
      : [];
  if (strategy === 'Webhook') return [...clientFaults(config, old), ...reviewVersionFaults(versions)];
  const why = 'should not be set when strategy is not set to Webhook';
  return [
    ...(config === undefined ? [] : [forbidden(CLIENT, why)]),
    ...(versions.length === 0 ? [] : [forbidden(VERSIONS, why)]),
  ];
}

function clientFaults(config: unknown, old: Readonly<ApiObject> | undefined): ErrorDetail[] {
  if (!isJsonObject(config)) return [required(CLIENT, 'required when strategy is set to Webhook')];
  const { url, service } = config;
  const faults = bundleFaults(text(config, 'caBundle'), old);
  if ((url === undefined) === (service === undefined))
    return [required(CLIENT, 'exactly one of url or service is required'), ...faults];
  const target = isJsonObject(service)
    ? serviceFaults(service, `${CLIENT}.service`)
    : urlFaults(String(url), `${CLIENT}.url`);
  return [...target, ...faults];
}

const FORM = 'desired format: https://host[/path]';

function urlFaults(text_: string, field: string): ErrorDetail[] {
  const url = URL.parse(text_);
  if (url === null) return [required(field, `url must be a valid URL: ${text_}; ${FORM}`)];
  const faults: ErrorDetail[] = [];
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'https')
    faults.push(invalid(field, scheme, `'https' is the only allowed URL scheme; ${FORM}`));
  if (url.host === '') faults.push(invalid(field, '', `host must be specified; ${FORM}`));
  if (url.username !== '' || url.password !== '')
    faults.push(invalid(field, url.username, 'user information is not permitted in the URL'));
  if (url.hash !== '')
    faults.push(invalid(field, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search !== '')
    faults.push(invalid(field, url.search.slice(1), 'query parameters are not permitted in the URL'));
  return faults;
}

function serviceFaults(service: JsonObject, at: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  for (const key of ['name', 'namespace'])
    if (text(service, key) === '') faults.push(required(`${at}.${key}`, `service ${key} is required`));
  const { port = 443, path } = service;
  if (typeof port !== 'number' || port < 1 || port > 65535)
    faults.push(invalid(`${at}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (typeof path !== 'string' || path === '' || path === '/') return faults;
  if (!path.startsWith('/')) faults.push(invalid(`${at}.path`, path, "must start with a '/'"));
  if (path.includes('//')) faults.push(invalid(`${at}.path`, path, 'segment[0] may not be empty'));
  return faults;
}

/** A bundle that is none keeps a new CRD from being established, and is refused once it is. */
function bundleFaults(bundle: string, old: Readonly<ApiObject> | undefined): ErrorDetail[] {
  if (bundle === '' || old === undefined || !isEstablished(old) || isCaBundle(bundle)) return [];
  const before = part(part(part(part(old, 'spec'), 'conversion'), 'webhook'), 'clientConfig');
  const was = text(before, 'caBundle');
  if (was !== '' && !isCaBundle(was)) return [];
  const why = 'unable to load root certificates: unable to parse bytes as PEM block';
  return [invalid(`${CLIENT}.caBundle`, bundle, why)];
}

function reviewVersionFaults(versions: readonly unknown[]): ErrorDetail[] {
  if (versions.length === 0) return [required(VERSIONS)];
  const faults = versions.flatMap((version, index) => {
    const field = `${VERSIONS}[${index}]`;
    if (versions.indexOf(version) < index) return [invalid(field, version, 'duplicate version')];
    return dns1035Label(String(version)).map((why) => invalid(field, version, why));
  });
  if (!versions.some((version) => KNOWN.includes(String(version))))
    faults.push(invalid(VERSIONS, versions, `must include at least one of ${KNOWN.join(', ')}`));
  return faults;
}
