import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { dns1123Label } from '../../api/meta-validation.ts';
import { compareQuantities, type Quantity, tryParseQuantity } from '../../api/quantity.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, notThere, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { validateHandler, validateProbe } from './validate-probe.ts';
import { validateContainerSecurity } from './validate-security.ts';

interface Place {
  readonly path: string;
  readonly volumes: ReadonlySet<string>;
  readonly init: boolean;
}

export function validateContainer(container: JsonObject, place: Place): ErrorDetail[] {
  const { path } = place;
  const name = text(container, 'name');
  const image = text(container, 'image');
  const details: ErrorDetail[] =
    name === ''
      ? [required(`${path}.name`)]
      : dns1123Label(name).map((why) => invalid(`${path}.name`, name, why));
  if (image === '') details.push(required(`${path}.image`));
  else if (image.trim() !== image)
    details.push(invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  details.push(...validatePorts(container, path));
  details.push(...validateEnv(container, path));
  details.push(...validateMounts(container, place));
  details.push(...validateResources(part(container, 'resources'), `${path}.resources`));
  details.push(...validateProbes(container, place), ...validateContainerSecurity(container, path));
  return details;
}

function validatePorts(container: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const names = new Set<string>();
  for (const [index, port] of items(container, 'ports').entries()) {
    const at = `${path}.ports[${index}]`;
    const name = text(port, 'name');
    if (name !== '') {
      if (!/^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(name) || name.includes('--'))
        details.push(
          invalid(
            `${at}.name`,
            name,
            'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), at least one letter, and be no more than 15 characters',
          ),
        );
      if (names.has(name)) details.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    const number = port.containerPort;
    if (number === undefined || number === 0) details.push(required(`${at}.containerPort`));
    else details.push(...validatePort(number, `${at}.containerPort`));
    const host = port.hostPort;
    if (host !== undefined && host !== 0) details.push(...validatePort(host, `${at}.hostPort`));
  }
  return details;
}

export function validatePort(port: unknown, path: string): ErrorDetail[] {
  const good = typeof port === 'number' && port >= 1 && port <= 65535;
  return good ? [] : [invalid(path, port, 'must be between 1 and 65535, inclusive')];
}

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];

function validateEnv(container: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  for (const [index, variable] of items(container, 'env').entries()) {
    const at = `${path}.env[${index}]`;
    const name = text(variable, 'name');
    if (name === '') details.push(required(`${at}.name`));
    else if (/[=]|[^\x20-\x7e]/.test(name))
      details.push(
        invalid(
          `${at}.name`,
          name,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      );
    if (variable.valueFrom === undefined) continue;
    const from = part(variable, 'valueFrom');
    const given = SOURCES.filter((source) => from[source] !== undefined);
    if (given.length === 0)
      details.push(
        invalid(
          `${at}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      );
    if (given.length > 1)
      details.push(invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time'));
    if (text(variable, 'value') !== '' && given.length > 0)
      details.push(invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
  }
  return details;
}

function validateMounts(container: JsonObject, { path, volumes }: Place): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const paths = new Set<string>();
  for (const [index, mount] of items(container, 'volumeMounts').entries()) {
    const at = `${path}.volumeMounts[${index}]`;
    const name = text(mount, 'name');
    const where = text(mount, 'mountPath');
    if (name === '') details.push(required(`${at}.name`));
    else if (!volumes.has(name)) details.push(notThere(`${at}.name`, name));
    if (where === '') details.push(required(`${at}.mountPath`));
    if (paths.has(where)) details.push(invalid(`${at}.mountPath`, where, 'must be unique'));
    paths.add(where);
    const subPath = text(mount, 'subPath');
    if (subPath.startsWith('/')) details.push(invalid(`${at}.subPath`, subPath, 'must be a relative path'));
    if (subPath.split('/').includes('..'))
      details.push(invalid(`${at}.subPath`, subPath, "must not contain '..'"));
    if (subPath !== '' && text(mount, 'subPathExpr') !== '')
      details.push(
        invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
      );
  }
  return details;
}

function validateResources(resources: JsonObject, path: string): ErrorDetail[] {
  const limits = amounts(part(resources, 'limits'));
  const details: ErrorDetail[] = [];
  for (const list of ['limits', 'requests'] as const) {
    for (const [name, amount] of Object.entries(part(resources, list))) {
      const quantity = tryParseQuantity(String(amount));
      const at = `${path}.${list}[${name}]`;
      if (typeof quantity === 'string') details.push(invalid(at, amount, quantity));
      else if (quantity.nanos < 0n) details.push(invalid(at, amount, 'must be greater than or equal to 0'));
      else if (list === 'requests' && exceeds(quantity, limits.get(name)))
        details.push(
          invalid(
            `${path}.requests`,
            amount,
            `must be less than or equal to ${name} limit of ${part(resources, 'limits')[name]}`,
          ),
        );
    }
  }
  return details;
}

function amounts(resources: JsonObject): Map<string, Quantity> {
  const found = new Map<string, Quantity>();
  for (const [name, amount] of Object.entries(resources)) {
    const quantity = tryParseQuantity(String(amount));
    if (typeof quantity !== 'string') found.set(name, quantity);
  }
  return found;
}

function exceeds(request: Quantity, limit: Quantity | undefined): boolean {
  return limit !== undefined && compareQuantities(request, limit) > 0;
}

function validateProbes(container: JsonObject, { path, init }: Place): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  // An init container that restarts always is a sidecar, which may be probed as any other.
  const plainInit = init && text(container, 'restartPolicy') !== 'Always';
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const at = `${path}.${probe}`;
    if (!isJsonObject(container[probe])) continue;
    if (plainInit)
      details.push(forbidden(at, 'may not be set for init containers without restartPolicy=Always'));
    details.push(...validateProbe(part(container, probe), { path: at, once: probe !== 'readinessProbe' }));
  }
  for (const hook of ['postStart', 'preStop']) {
    const handler = part(container, 'lifecycle')[hook];
    if (isJsonObject(handler)) details.push(...validateHandler(handler, `${path}.lifecycle.${hook}`));
  }
  return details;
}
