import { equalJson } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { MIB } from '../../lib/limits.ts';
import { forbidden, invalid, required } from '../field-errors.ts';
import { ensure, part } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

const LONGEST_DATA = MIB;
const ACCOUNT = 'kubernetes.io/service-account.name';

/** What the types that Kubernetes knows must have. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export const secrets: Strategy = {
  resource: 'secrets',
  defaults(secret) {
    // `stringData` is for writing only: it ends up in `data`.
    for (const [key, value] of Object.entries(part(secret, 'stringData')))
      ensure(secret, 'data')[key] = Buffer.from(String(value)).toString('base64');
    delete secret.stringData;
    secret.type ??= 'Opaque';
  },
  validate: (secret) => [...validateKeys(secret, 'data'), ...validateSize(secret), ...validateType(secret)],
  validateUpdate(secret, old) {
    const details = immutableDetails(secret, old);
    if (secret.type !== old.type) details.push(invalid('type', secret.type, 'field is immutable'));
    return details;
  },
};

/** Keys of the data of secrets and config maps. */
export function validateKeys(object: Readonly<ApiObject>, field: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  for (const key of Object.keys(part(object, field))) {
    if (key.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(key) && key !== '.' && key !== '..') continue;
    const why =
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    details.push(invalid(`${field}[${key}]`, key, why));
  }
  return details;
}

/** What a secret or config map that is marked immutable may no longer change. */
export function immutableDetails(object: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  if (old.immutable !== true) return [];
  const why = 'field is immutable when `immutable` is set';
  const details: ErrorDetail[] = object.immutable === true ? [] : [forbidden('immutable', why)];
  for (const field of ['data', 'binaryData'])
    if (!equalJson(object[field] ?? {}, old[field] ?? {})) details.push(forbidden(field, why));
  return details;
}

function validateSize(secret: Readonly<ApiObject>): ErrorDetail[] {
  let size = 0;
  for (const value of Object.values(part(secret, 'data'))) size += Buffer.byteLength(String(value), 'base64');
  if (size <= LONGEST_DATA) return [];
  const message = `Too long: may not be more than ${LONGEST_DATA} bytes`;
  return [{ reason: 'FieldValueTooLong', field: 'data', message }];
}

function validateType(secret: Readonly<ApiObject>): ErrorDetail[] {
  const data = part(secret, 'data');
  if (secret.type === 'kubernetes.io/service-account-token' && !secret.metadata.annotations?.[ACCOUNT])
    return [required(`metadata.annotations[${ACCOUNT}]`)];
  const missing = (NEEDS[String(secret.type)] ?? []).filter((key) => data[key] === undefined);
  return missing.map((key) => required(`data[${key}]`));
}
