import type { AdmissionRequest, GroupVersionKind } from '../access/admission/admission.ts';
import { type ApiObject, apiVersionOf, type Kind } from '../api/kind.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { DeleteOptions, RequestContext, ResourceTarget } from './registry.ts';
import { storedKind } from './storage.ts';
import { conformBody, withDefaults } from './walks.ts';

const OPTIONS = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
  CONNECT: '',
} as const;

export function admissionRequest(
  parts: RegistryParts,
  kind: StoredKind,
  options: {
    readonly context: RequestContext;
    readonly operation: AdmissionRequest['operation'];
    readonly object: ApiObject;
    readonly old?: Readonly<ApiObject>;
    readonly subresource?: string;
    /** Of what the object stands below; its own name if left out. */
    readonly name?: string;
    readonly namespace?: string;
    readonly bodyKind?: GroupVersionKind;
    readonly deletion?: DeleteOptions;
  },
): AdmissionRequest {
  const { context, object, operation, bodyKind, deletion } = options;
  return {
    operation,
    kind: kind.stored,
    asked: kind.asked,
    namespace: options.namespace ?? object.metadata.namespace ?? '',
    name: options.name ?? object.metadata.name,
    subresource: options.subresource ?? '',
    ...(bodyKind === undefined ? {} : { bodyKind }),
    object,
    old: options.old,
    user: context.user,
    dryRun: context.dryRun,
    options: () => optionsOf(operation, context, deletion),
    signal: context.signal,
    reader: parts.reader,
    kinds: parts.kinds,
    conform: (value, as) => conformRewritten(parts, context, { value, as, subresource: options.subresource }),
    convert: (from, to) => parts.convert(from, to, context.signal),
    warn: context.warn,
    annotate: (key, value) => context.annotate?.(key, value),
  };
}

function conformRewritten(
  { kinds }: RegistryParts,
  context: RequestContext,
  made: { readonly value: unknown; readonly as: Kind; readonly subresource: string | undefined },
): ApiObject {
  const { value, as, subresource } = made;
  const quiet: RequestContext = { ...context, fieldValidation: 'Ignore' };
  const target = { kind: as, ...(subresource === undefined ? {} : { subresource }) };
  const object = conformBody(kinds, target, { object: value, context: quiet });
  return object.kind === as.kind ? withDefaults(as, object) : object;
}

function optionsOf(
  operation: AdmissionRequest['operation'],
  { dryRun, fieldManager, fieldValidation }: RequestContext,
  deletion: DeleteOptions = {},
): Record<string, unknown> {
  const kind = OPTIONS[operation];
  if (kind === '') return {};
  const dry = dryRun ? { dryRun: ['All'] } : {};
  const base = { kind, apiVersion: 'meta.k8s.io/v1', ...dry };
  return operation === 'DELETE' ? { ...base, ...deletion } : { ...base, fieldManager, fieldValidation };
}

/**
 * Admission of what is not stored: the body of a subresource (Binding, Eviction, TokenRequest), or the options of a
 * connection to a pod. @returns the body as the plugins left it
 */
export async function admitBody(
  parts: RegistryParts,
  context: RequestContext,
  request: {
    readonly operation: 'CREATE' | 'CONNECT';
    readonly target: ResourceTarget;
    readonly body: Readonly<ApiObject>;
  },
): Promise<ApiObject> {
  const { target, operation } = request;
  const { subresource = '', name, namespace } = target;
  const kind = storedKind(parts, target.kind);
  const bodyKind = bodyKindOf(target.kind, subresource);
  const object = { ...request.body };
  const admission = admissionRequest(parts, kind, {
    context,
    operation,
    object,
    name,
    namespace,
    subresource,
    ...(bodyKind === undefined ? {} : { bodyKind }),
  });
  await parts.admission.mutate(admission);
  await parts.admission.validate(admission);
  return object;
}

/** Whether a webhook or a policy changed the object, so that what is prepared of it must be so again. */
export function isRewritten(request: AdmissionRequest): boolean {
  return request.rounds?.changed === true;
}

/** What a subresource of the kind takes as its body, where that is another kind. */
export function bodyKindOf(kind: Kind, subresource: string): GroupVersionKind | undefined {
  const found = kind.subresources.find(({ name }) => name === subresource);
  return found === undefined || (found.kind === kind.kind && apiVersionOf(found) === apiVersionOf(kind))
    ? undefined
    : found;
}
