import { qualifiedResource } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { AdmissionRequest } from './admission.ts';

/** `pods "web" is forbidden: …`, as upstream words what a plugin refuses. */
export function forbidden(request: AdmissionRequest, why: string): AmphoraError {
  const { kind } = request;
  const name = request.name === '' ? (request.object.metadata.generateName ?? '') : request.name;
  return new AmphoraError(
    'Forbidden',
    `${qualifiedResource(kind)} ${JSON.stringify(name)} is forbidden: ${why}`,
    {
      about: { group: kind.group, kind: kind.resource, name },
    },
  );
}

/** Whether the request creates a pod, and not something below one. */
export function createsPod({ operation, kind, subresource }: AdmissionRequest): boolean {
  return operation === 'CREATE' && kind.group === '' && kind.resource === 'pods' && subresource === '';
}
