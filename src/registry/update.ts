import { cloneJson } from '../api/json.ts';
import type { ApiObject } from '../api/kind.ts';
import { isCode } from '../lib/errors.ts';
import { create } from './create.ts';
import { throwIfInvalid } from './faults.ts';
import { invalid } from './field-errors.ts';
import type { RegistryParts } from './parts.ts';
import { checkAddress } from './prepare.ts';
import type { RequestContext, ResourceTarget, Written } from './registry.ts';
import { storedKind } from './storage.ts';
import { write } from './write.ts';

export async function update(
  parts: RegistryParts,
  request: { readonly context: RequestContext; readonly target: ResourceTarget; readonly object: ApiObject },
): Promise<Written> {
  const { context, target } = request;
  const kind = storedKind(parts, target.kind);
  const object = cloneJson(request.object);
  checkAddress(kind, { ...target }, object);
  const { resourceVersion = '' } = object.metadata;
  if (
    resourceVersion === '' &&
    kind.strategy.unconditionalUpdate === false &&
    kind.strategy.createOnUpdate !== true
  )
    throwIfInvalid(target.kind, target.name, [
      invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  try {
    const written = await write(parts, { context, target, make: () => cloneJson(object) });
    return { object: written, created: false };
  } catch (error) {
    const creates =
      kind.strategy.createOnUpdate === true && target.subresource === undefined && resourceVersion === '';
    if (!creates || !isCode(error, 'NotFound')) throw error;
    return { object: await create(parts, { context, target, object }), created: true };
  }
}
