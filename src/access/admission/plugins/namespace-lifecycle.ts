import { isJsonObject } from '../../../api/json.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { forbidden } from '../faults.ts';

const FOREVER: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

/** Nothing is made in a namespace that is missing or being deleted, and three namespaces are never deleted. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  handles: ({ operation, kind }) =>
    (operation === 'CREATE' && kind.namespaced) || (operation === 'DELETE' && kind.resource === 'namespaces'),
  async mutate(request) {
    // Before the other plugins, so that what they look up in the namespace cannot hide that it is missing.
    if (request.operation === 'CREATE') await checkNamespace(request);
  },
  async validate(request) {
    const { operation, kind, name } = request;
    if (operation === 'DELETE' && kind.group === '' && kind.resource === 'namespaces' && FOREVER.has(name))
      throw forbidden(request, 'this namespace may not be deleted');
  },
};

async function checkNamespace(request: AdmissionRequest): Promise<void> {
  const { namespace, reader, signal } = request;
  const found = await reader.get('namespaces', { namespace: '', name: namespace }, signal);
  if (found === undefined)
    throw new AmphoraError('NotFound', `namespaces ${JSON.stringify(namespace)} not found`, {
      about: { group: '', kind: 'namespaces', name: namespace },
    });
  const status = found.status;
  const terminating = isJsonObject(status) && status.phase === 'Terminating';
  if (!terminating && found.metadata.deletionTimestamp === undefined) return;
  throw new AmphoraError(
    'Forbidden',
    forbidden(
      request,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    ).message,
    {
      about: { group: request.kind.group, kind: request.kind.resource, name: request.name },
      details: [
        {
          reason: 'NamespaceTerminating',
          field: 'metadata.namespace',
          message: `namespace ${namespace} is being terminated`,
        },
      ],
    },
  );
}
