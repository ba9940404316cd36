import { qualifiedResource } from '../api/kind.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { StoredObject, StoredPage, StoreRange } from '../store/store.ts';
import { type ContinueToken, decodeContinue, encodeContinue, notOurs } from './continue-token.ts';
import { checkListOptions } from './list-options.ts';
import { objectBytes } from './object-bytes.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { CollectionTarget, ListOptions, ListResult, ObjectBytes, RequestContext } from './registry.ts';
import { createSelection, type Selection } from './selection.ts';
import { checkNotFuture, parseRevision, present, storedKind } from './storage.ts';

interface ListRequest {
  readonly context: RequestContext;
  readonly target: CollectionTarget;
  readonly options: ListOptions;
}

const INCONSISTENT =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/**
 * @throws Expired when the revision is too old, with a token to go on at the newest one when it was a continue token's;
 * Invalid for options that exclude each other; BadRequest for a wrong selector or token.
 */
export async function list(parts: RegistryParts, request: ListRequest): Promise<ListResult> {
  const { options, target } = request;
  checkListOptions(options);
  const kind = storedKind(parts, target.kind);
  const selection = createSelection(target.kind, options);
  const start = startOf(request);
  const revision = start === undefined ? await startRevision(parts, request) : start.revision;
  const limit = options.limit !== undefined && options.limit > 0 ? options.limit : LIMITS.listObjects;
  const reader = new Reader(parts, kind, { request, selection, limit });
  try {
    return await reader.read(revision, start);
  } catch (error) {
    if (!isCode(error, 'Expired')) throw error;
    if (start === undefined)
      throw new AmphoraError('Expired', 'The resourceVersion for the provided list is too old.', {
        cause: error,
      });
    const { namespace, name } = start;
    throw new AmphoraError('Expired', INCONSISTENT, {
      cause: error,
      continue: encodeContinue({ revision: undefined, namespace, name }),
    });
  }
}

/** Where a continue token says to go on. @throws BadRequest when it is none, or another list's. */
function startOf({ options, target }: ListRequest): ContinueToken | undefined {
  if (options.continue === undefined || options.continue === '') return undefined;
  const { resourceVersion = '' } = options;
  if (resourceVersion !== '' && resourceVersion !== '0')
    throw new AmphoraError('BadRequest', 'specifying resource version is not allowed when using continue');
  const start = decodeContinue(options.continue);
  // A token that stands elsewhere would read what lies between that and the namespace asked for.
  const inside = target.namespace === '' || target.namespace === start.namespace;
  if (!inside || (start.namespace !== '' && !target.kind.namespaced)) throw notOurs();
  return start;
}

/** The revision to read at; undefined: the newest. */
async function startRevision(parts: RegistryParts, request: ListRequest): Promise<number | undefined> {
  const { options, context } = request;
  const asked = parseRevision(options.resourceVersion);
  const { resourceVersionMatch: match = '' } = options;
  if (asked === undefined) return undefined;
  checkNotFuture(asked, await parts.store.revision(context.signal));
  // A limit with a revision and no match has always meant exactly that one.
  const exact = match === 'Exact' || (match === '' && (options.limit ?? 0) > 0);
  return exact ? asked : undefined;
}

class Reader {
  readonly #parts: RegistryParts;
  readonly #kind: StoredKind;
  readonly #request: ListRequest;
  readonly #selection: Selection | undefined;
  readonly #limit: number;

  constructor(
    parts: RegistryParts,
    kind: StoredKind,
    options: {
      readonly request: ListRequest;
      readonly selection: Selection | undefined;
      readonly limit: number;
    },
  ) {
    this.#parts = parts;
    this.#kind = kind;
    this.#request = options.request;
    this.#selection = options.selection;
    this.#limit = options.limit;
  }

  async read(
    revision: number | undefined,
    start: { readonly namespace: string; readonly name: string } | undefined,
  ): Promise<ListResult> {
    const items: ObjectBytes[] = [];
    let page = await this.#page(revision, start);
    const at = page.revision;
    for (;;) {
      for (const [index, stored] of page.items.entries()) {
        if (
          this.#selection?.matches(this.#parts.shared.of(stored.bytes, stored.revision), stored.key) === false
        )
          continue;
        items.push(this.#presented(stored));
        const more = page.more || index < page.items.length - 1;
        if (items.length >= this.#limit && more) return this.#cut(items, { page, index, stored });
      }
      const last = page.items.at(-1);
      if (!page.more || last === undefined) return { items, resourceVersion: String(at) };
      page = await this.#page(at, last.key);
    }
  }

  /** What nobody selected by was read for this list alone: there is nobody to share it with. */
  #presented(stored: StoredObject): ObjectBytes {
    const alone = this.#selection === undefined && this.#kind.asked === this.#kind.stored;
    return alone ? objectBytes(stored.bytes, stored.revision) : present(this.#parts, this.#kind, stored);
  }

  #cut(
    items: readonly ObjectBytes[],
    at: { readonly page: StoredPage; readonly index: number; readonly stored: StoredObject },
  ): ListResult {
    const { page, index, stored } = at;
    const { namespace, name } = stored.key;
    const left = page.more ? page.remaining : 0;
    const remaining = left === undefined ? undefined : left + page.items.length - 1 - index;
    return {
      items,
      resourceVersion: String(page.revision),
      continue: encodeContinue({ revision: page.revision, namespace, name }),
      // How many of the rest match a selector nobody knows without reading them.
      ...(remaining === undefined || this.#selection !== undefined ? {} : { remainingItemCount: remaining }),
    };
  }

  /** One object by its name is read as such, not looked for among ten thousand. */
  #scope(): Pick<StoreRange, 'namespace' | 'name'> {
    const { namespace } = this.#request.target;
    const name = this.#selection?.name;
    if (namespace === '' && this.#kind.asked.namespaced) return {};
    return name === undefined ? (namespace === '' ? {} : { namespace }) : { namespace, name };
  }

  async #page(
    revision: number | undefined,
    after: { readonly namespace: string; readonly name: string } | undefined,
  ): Promise<StoredPage> {
    const { context } = this.#request;
    const size = this.#selection === undefined ? this.#limit : Math.max(this.#limit, LIMITS.listPageObjects);
    const range: StoreRange = {
      resource: qualifiedResource(this.#kind.stored),
      ...this.#scope(),
      ...(after === undefined ? {} : { after: { namespace: after.namespace, name: after.name } }),
      limit: Math.min(size, LIMITS.listObjects),
    };
    const options = revision === undefined ? {} : { revision };
    return await this.#parts.store.list(range, { signal: context.signal, ...options });
  }
}
