import { isJsonObject, type JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, invalid, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';

const IDS = 'must be between 0 and 2147483647, inclusive';
const SYSCTL = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;

/** Users, groups, kernel parameters and profiles of a whole pod. */
export function validatePodSecurity(spec: JsonObject, path: string): ErrorDetail[] {
  const context = part(spec, 'securityContext');
  const at = `${path}.securityContext`;
  const details = [
    ...validateIds(context, at, 'fsGroup', 'runAsUser', 'runAsGroup'),
    ...validateProfiles(context, at),
  ];
  const groups = Array.isArray(context.supplementalGroups) ? context.supplementalGroups : [];
  for (const [index, group] of groups.entries())
    if (typeof group === 'number' && !isId(group))
      details.push(invalid(`${at}.supplementalGroups[${index}]`, group, IDS));
  const names = new Set<string>();
  for (const [index, sysctl] of items(context, 'sysctls').entries()) {
    const name = text(sysctl, 'name');
    const where = `${at}.sysctls[${index}].name`;
    if (name === '') details.push(required(where));
    else if (name.length > 253 || !SYSCTL.test(name))
      details.push(
        invalid(
          where,
          name,
          'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
        ),
      );
    else if (names.has(name)) details.push(duplicate(where, name));
    names.add(name);
  }
  return details;
}

/** The same of one container. */
export function validateContainerSecurity(container: JsonObject, path: string): ErrorDetail[] {
  if (!isJsonObject(container.securityContext)) return [];
  const context = part(container, 'securityContext');
  const at = `${path}.securityContext`;
  const details = [...validateIds(context, at, 'runAsUser', 'runAsGroup'), ...validateProfiles(context, at)];
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true)
      details.push(
        invalid(at, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'),
      );
    const added = part(context, 'capabilities').add;
    if (Array.isArray(added) && added.includes('CAP_SYS_ADMIN'))
      details.push(
        invalid(
          at,
          context,
          'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
        ),
      );
  }
  return details;
}

function validateIds(context: JsonObject, path: string, ...fields: string[]): ErrorDetail[] {
  return fields.flatMap((field) => {
    const value = context[field];
    return typeof value === 'number' && !isId(value) ? [invalid(`${path}.${field}`, value, IDS)] : [];
  });
}

function isId(value: number): boolean {
  return value >= 0 && value <= 2 ** 31 - 1;
}

/** A profile of one's own is named by its path, and no other is. */
function validateProfiles(context: JsonObject, path: string): ErrorDetail[] {
  return (['seccompProfile', 'appArmorProfile'] as const).flatMap((field) => {
    const profile = context[field];
    if (!isJsonObject(profile)) return [];
    const at = `${path}.${field}`;
    const type = text(profile, 'type');
    if (type === '') return [required(`${at}.type`)];
    const named = text(profile, 'localhostProfile');
    if (type === 'Localhost' && named === '')
      return [
        required(
          `${at}.localhostProfile`,
          `must be set when ${field === 'seccompProfile' ? 'seccomp ' : 'AppArmor '}type is Localhost`,
        ),
      ];
    if (type !== 'Localhost' && profile.localhostProfile !== undefined)
      return [invalid(`${at}.localhostProfile`, named, `can only be set when type is Localhost`)];
    if (named.split('/').includes('..'))
      return [invalid(`${at}.localhostProfile`, named, "must not contain '..'")];
    if (named.startsWith('/')) return [invalid(`${at}.localhostProfile`, named, 'must be a relative path')];
    return [];
  });
}
