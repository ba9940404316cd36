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

/** `make` gives the object as asked for, decoded, and another one each time. */
export async function update(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: ResourceTarget;
    readonly make: () => ApiObject;
  },
): Promise<Written> {
  const { context, target } = request;
  const kind = storedKind(parts, target.kind);
  const make = () => {
    const object = request.make();
    checkAddress(kind, target, object);
    return object;
  };
  let first: ApiObject | undefined = make();
  const { resourceVersion = '' } = first.metadata;
  const next = () => {
    const object = first ?? make();
    first = undefined;
    return object;
  };
  /** Over what is there. */
  const over = () => {
    if (resourceVersion === '' && kind.strategy.unconditionalUpdate === false)
      throwIfInvalid(target.kind, target.name, [
        invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    return next();
  };
  try {
    return { object: await write(parts, { context, target, make: over }), created: false };
  } catch (error) {
    const creates =
      kind.strategy.createOnUpdate === true && target.subresource === undefined && resourceVersion === '';
    if (!creates || !isCode(error, 'NotFound')) throw error;
    await context.mayCreate?.();
    return { object: await create(parts, { context, target, make: next }), created: true };
  }
}
