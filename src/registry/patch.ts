import type { ApiObject } from '../api/kind.ts';
import { apply } from './apply.ts';
import type { RegistryParts } from './parts.ts';
import { patchValue } from './patch-value.ts';
import type { Patch, RequestContext, ResourceTarget, Written } from './registry.ts';
import { applyScale, scaleSchema, writeScale } from './scale.ts';
import { conformPatched } from './walks.ts';
import { write } from './write.ts';

export async function patch(
  parts: RegistryParts,
  request: { readonly context: RequestContext; readonly target: ResourceTarget; readonly patch: Patch },
): Promise<Written> {
  const { context, target, patch: change } = request;
  const isScale = target.subresource === 'scale';
  if (change.type === 'apply') {
    if (!isScale) return await apply(parts, { context, target, patch: change });
    return { object: await applyScale(parts, { context, target, patch: change }), created: false };
  }
  if (isScale) {
    const schema = scaleSchema(parts);
    const make = (scale: ApiObject) => patchValue(schema, scale, change) as ApiObject; // writeScale checks what it reads.
    return { object: await writeScale(parts, { context, target, make }), created: false };
  }
  const make = (current: Readonly<ApiObject>) =>
    conformPatched(target.kind, patchValue(target.kind.schema, current, change), { context, current });
  return { object: await write(parts, { context, target, make }), created: false };
}
