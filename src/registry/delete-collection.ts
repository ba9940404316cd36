import { eachLimited } from '../lib/each-limited.ts';
import { isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { remove } from './delete.ts';
import { list } from './list.ts';
import type { RegistryParts } from './parts.ts';
import type { CollectionTarget, DeleteOptions, ListOptions, ListResult, RequestContext } from './registry.ts';

/**
 * Deletes what the list finds; what is gone already is passed over. Each object is a commit and so a revision of its own
 * (a watch that is cut goes on after exactly what it has seen); many are under way at once, and so share flushes.
 * @returns the objects as they were listed
 */
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
  await eachLimited(found.items, LIMITS.deleteCollectionParallel, async (item) => {
    const { name, namespace = '' } = item.metadata();
    const one = { kind: target.kind, namespace, name };
    await remove(parts, { context, target: one, options }).catch((error) => {
      if (!isCode(error, 'NotFound')) throw error;
    });
  });
  return found;
}
