import type { Pod } from '../../api/types.generated.ts';

/**
 * Which of the fields a class can't serve a pod uses. A path such as `spec.containers[*].tty` walks every
 * element; a field counts as used when it is set to anything but false, zero or empty.
 */
export function unsupportedFields(pod: Pod, unsupported: readonly string[]): string[] {
  return unsupported.filter((path) => isUsed(pod, path.replaceAll(/\[\*?\]/g, '.*').split('.')));
}

function isUsed(value: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (Array.isArray(value)) return value.some((one) => isUsed(one, key === '*' ? rest : path));
  if (key === undefined) return isSet(value);
  if (typeof value !== 'object' || value === null) return false;
  // Only own members: a path is data and must not reach the prototype.
  return Object.hasOwn(value, key) && isUsed(Object.entries(value).find(([name]) => name === key)?.[1], rest);
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return true;
}
