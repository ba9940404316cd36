import type { ApiObject } from '../api/kind.ts';
import { throwIfInvalid } from './faults.ts';
import { invalid } from './field-errors.ts';
import { part } from './fields.ts';
import type { RegistryParts } from './parts.ts';
import type { RequestContext, ResourceTarget, Written } from './registry.ts';
import { write } from './write.ts';

/** `namespaces/finalize`: only `spec.finalizers` is taken; the last one lets a deleted namespace go. */
export async function finalize(
  parts: RegistryParts,
  request: { readonly context: RequestContext; readonly target: ResourceTarget; readonly object: ApiObject },
): Promise<Written> {
  const { context, target, object } = request;
  if (object.metadata.name !== target.name)
    throwIfInvalid(target.kind, target.name, [
      invalid('metadata.name', object.metadata.name, `must be ${target.name}`),
    ]);
  const finalizers = part(object, 'spec').finalizers ?? [];
  const written = await write(parts, {
    context,
    target,
    make: (current) => {
      const { resourceVersion } = object.metadata;
      const metadata = { ...current.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      return { ...current, metadata, spec: { ...part(current, 'spec'), finalizers } };
    },
    prepare: (namespace) => namespace,
  });
  return { object: written, created: false };
}
