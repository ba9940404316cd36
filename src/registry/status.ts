import type { Kind } from '../api/kind.ts';

/** Whether spec and status are written apart. */
export function hasStatus(kind: Kind): boolean {
  return kind.subresources.some((sub) => sub.name === 'status');
}
