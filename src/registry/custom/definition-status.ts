import type { ApiObject } from '../../api/kind.ts';
import { items, part } from '../fields.ts';

export function isEstablished(crd: Readonly<ApiObject>): boolean {
  return items(part(crd, 'status'), 'conditions').some(
    ({ type, status }) => type === 'Established' && status === 'True',
  );
}

export function storedVersions(crd: Readonly<ApiObject>): readonly unknown[] {
  const { storedVersions: versions } = part(crd, 'status');
  return Array.isArray(versions) ? versions : [];
}
