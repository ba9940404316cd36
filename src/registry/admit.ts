import type { AdmissionRequest } from '../access/admission/admission.ts';
import type { ApiObject } from '../api/kind.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { RequestContext } from './registry.ts';

export function admissionRequest(
  parts: RegistryParts,
  kind: StoredKind,
  options: {
    readonly context: RequestContext;
    readonly operation: AdmissionRequest['operation'];
    readonly object: ApiObject;
    readonly old?: Readonly<ApiObject>;
    readonly subresource?: string;
  },
): AdmissionRequest {
  const { context, object } = options;
  return {
    operation: options.operation,
    kind: kind.stored,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    subresource: options.subresource ?? '',
    object,
    old: options.old,
    user: context.user,
    dryRun: context.dryRun,
    signal: context.signal,
    reader: parts.reader,
  };
}
