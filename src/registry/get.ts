import type { RegistryParts } from './parts.ts';
import type { GetOptions, ObjectBytes, RequestContext, ResourceTarget } from './registry.ts';
import { getScale } from './scale.ts';
import { checkNotFuture, mustLoad, parseRevision, present, storedKind } from './storage.ts';

export async function get(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: ResourceTarget;
    readonly options: GetOptions;
  },
): Promise<ObjectBytes> {
  const { context, target } = request;
  const asked = parseRevision(request.options.resourceVersion);
  if (asked !== undefined) checkNotFuture(asked, await parts.store.revision(context.signal));
  if (target.subresource === 'scale') return await getScale(parts, context, target);
  const kind = storedKind(parts, target.kind);
  const { namespace, name } = target;
  return present(parts, kind, await mustLoad(parts, kind, { namespace, name, signal: context.signal }));
}
