import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Label } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, notThere, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';

/** What a container for a look into a running pod may say; it gets nothing that is its own. */
const MAY: ReadonlySet<string> = new Set([
  'args',
  'command',
  'env',
  'envFrom',
  'image',
  'imagePullPolicy',
  'name',
  'resources',
  'securityContext',
  'stdin',
  'stdinOnce',
  'targetContainerName',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'tty',
  'volumeDevices',
  'volumeMounts',
  'workingDir',
]);

export function validateEphemeralContainers(spec: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const others = [...items(spec, 'containers'), ...items(spec, 'initContainers')].map((one) =>
    text(one, 'name'),
  );
  const names = new Set(others);
  for (const [index, container] of items(spec, 'ephemeralContainers').entries()) {
    const at = `${path}.ephemeralContainers[${index}]`;
    const name = text(container, 'name');
    if (name === '') details.push(required(`${at}.name`));
    else details.push(...dns1123Label(name).map((why) => invalid(`${at}.name`, name, why)));
    if (names.has(name)) details.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (text(container, 'image') === '') details.push(required(`${at}.image`));
    const target = text(container, 'targetContainerName');
    if (target !== '' && !others.includes(target))
      details.push(notThere(`${at}.targetContainerName`, target));
    for (const field of Object.keys(container))
      if (!MAY.has(field) || (field === 'resources' && Object.keys(part(container, field)).length > 0))
        details.push(forbidden(`${at}.${field}`, 'cannot be set for an Ephemeral Container'));
    for (const [place, mount] of items(container, 'volumeMounts').entries())
      for (const field of ['subPath', 'subPathExpr'] as const)
        if (text(mount, field) !== '')
          details.push(
            forbidden(`${at}.volumeMounts[${place}].${field}`, 'cannot be set for an Ephemeral Container'),
          );
  }
  return details;
}

/** Ephemeral containers come, and neither change nor go. */
export function ephemeralContainersStay(pod: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const after = new Map(
    items(part(pod, 'spec'), 'ephemeralContainers').map((one) => [text(one, 'name'), one]),
  );
  return items(part(old, 'spec'), 'ephemeralContainers').flatMap((before) => {
    const name = text(before, 'name');
    const now = after.get(name);
    if (now !== undefined && equalJson(now, before)) return [];
    const what = now === undefined ? 'removed' : 'changed';
    return [forbidden('spec', `existing ephemeral containers ${JSON.stringify(name)} may not be ${what}\n`)];
  });
}
