import type { ApiObject } from '../api/kind.ts';
import { apply } from './apply.ts';
import type { RegistryParts } from './parts.ts';
import { patchValue } from './patch-value.ts';
import type { Patch, RequestContext, ResourceTarget, Written } from './registry.ts';
import { writeScale } from './scale.ts';
import { conformPatched } from './walks.ts';
import { write } from './write.ts';

export async function patch(
  parts: RegistryParts,
  request: { readonly context: RequestContext; readonly target: ResourceTarget; readonly patch: Patch },
): Promise<Written> {
  const { context, target } = request;
  const change = request.patch;
  if (target.subresource === 'scale') {
    const kind = parts.kinds.byKind('autoscaling/v1', 'Scale');
    const make = (scale: ApiObject) => patchValue(kind?.schema, scale, change) as ApiObject; // writeScale checks what it reads.
    return { object: await writeScale(parts, { context, target, make }), created: false };
  }
  if (change.type === 'apply') return await apply(parts, { context, target, patch: change });
  const make = (current: ApiObject) =>
    conformPatched(target.kind, patchValue(target.kind.schema, current, change), context);
  return { object: await write(parts, { context, target, make }), created: false };
}
