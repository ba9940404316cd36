import { isJsonObject, type JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, required } from '../field-errors.ts';
import { text } from '../fields.ts';

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];
const NUMBERS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
];

/** `once`: one success must be enough, as for liveness and startup. */
export function validateProbe(
  probe: JsonObject,
  place: { readonly path: string; readonly once: boolean },
): ErrorDetail[] {
  const { path } = place;
  const details = validateHandler(probe, path);
  for (const field of NUMBERS) {
    const value = probe[field];
    if (typeof value === 'number' && value < 0)
      details.push(invalid(`${path}.${field}`, value, 'must be greater than or equal to 0'));
  }
  const successes = probe.successThreshold;
  if (place.once && typeof successes === 'number' && successes !== 1)
    details.push(invalid(`${path}.successThreshold`, successes, 'must be 1'));
  return details;
}

/** Exactly one way to ask, and what it needs. */
export function validateHandler(handler: JsonObject, path: string): ErrorDetail[] {
  const given = HANDLERS.filter((name) => isJsonObject(handler[name]));
  if (given.length === 0) return [required(path, 'must specify a handler type')];
  const details: ErrorDetail[] = given
    .slice(1)
    .map((name) => forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'));
  const [first = ''] = given;
  const at = `${path}.${first}`;
  const how = handler[first];
  if (!isJsonObject(how)) return details;
  if (first === 'exec' && !(Array.isArray(how.command) && how.command.length > 0))
    details.push(required(`${at}.command`));
  if (first === 'httpGet' && text(how, 'path') === '') details.push(required(`${at}.path`));
  if (first === 'httpGet' || first === 'tcpSocket' || first === 'grpc')
    details.push(...validateTarget(how.port, `${at}.port`));
  return details;
}

/** A port by number or by the name that a container gives it. */
function validateTarget(port: unknown, path: string): ErrorDetail[] {
  if (typeof port === 'number')
    return port >= 1 && port <= 65535 ? [] : [invalid(path, port, 'must be between 1 and 65535, inclusive')];
  if (typeof port === 'string' && /^(?=.*[a-z])[a-z0-9-]{1,15}$/.test(port)) return [];
  return [
    invalid(
      path,
      port ?? '',
      'must contain at least one letter (a-z), be no more than 15 characters, and have only alpha-numeric characters (a-z, 0-9) and hyphens (-)',
    ),
  ];
}
