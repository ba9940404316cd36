import { isCode } from '../lib/errors.ts';
import { remove } from './delete.ts';
import { list } from './list.ts';
import type { RegistryParts } from './parts.ts';
import type {
  CollectionTarget,
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectBytes,
  RequestContext,
} from './registry.ts';

/** Deletes what the list finds, one by one; what is gone already is passed over. */
export async function removeCollection(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: CollectionTarget;
    readonly list: ListOptions;
    readonly options: DeleteOptions;
  },
): Promise<ListResult> {
  const { context, target, options } = request;
  const found = await list(parts, { context, target, options: request.list });
  const items: ObjectBytes[] = [];
  for (const item of found.items) {
    const { name, namespace = '' } = item.object().metadata;
    try {
      const deleted = await remove(parts, {
        context,
        target: { kind: target.kind, namespace, name },
        options,
      });
      items.push(deleted.object);
    } catch (error) {
      if (!isCode(error, 'NotFound')) throw error;
    }
  }
  return { ...found, items };
}
