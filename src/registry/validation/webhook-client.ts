import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { dns1035Label } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, required } from '../field-errors.ts';
import { text } from '../fields.ts';

const KNOWN = ['v1', 'v1beta1'];

/** Which server a webhook's `clientConfig` at `path` names. */
export function clientFaults(config: JsonObject, path: string): ErrorDetail[] {
  const { url, service } = config;
  if ((url === undefined) === (service === undefined))
    return [required(path, 'exactly one of url or service is required')];
  return isJsonObject(service)
    ? serviceFaults(service, `${path}.service`)
    : urlFaults(String(url), `${path}.url`);
}

/** The versions of reviews that a webhook understands; one must be known here. */
export function reviewVersionFaults(versions: readonly unknown[], path: string): ErrorDetail[] {
  const faults = versions.flatMap((version, index) => {
    const field = `${path}[${index}]`;
    if (versions.indexOf(version) < index) return [invalid(field, version, 'duplicate version')];
    return dns1035Label(String(version)).map((why) => invalid(field, version, why));
  });
  if (!versions.some((version) => KNOWN.includes(String(version))))
    faults.push(invalid(path, versions, `must include at least one of ${KNOWN.join(', ')}`));
  return faults;
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
