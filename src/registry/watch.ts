import { qualifiedResource } from '../api/kind.ts';
import { LIMITS } from '../lib/limits.ts';
import type { StoreEvent, WatchBatch } from '../store/store.ts';
import { list } from './list.ts';
import { checkWatchOptions } from './list-options.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { CollectionTarget, ListOptions, RequestContext, WatchEvent, WatchOptions } from './registry.ts';
import { createSelection, type Selection } from './selection.ts';
import { parseRevision, present, storedKind } from './storage.ts';

interface WatchRequest {
  readonly context: RequestContext;
  readonly target: CollectionTarget;
  readonly options: WatchOptions;
}

/** Ends when the signal aborts. @throws Expired when the revision is gone or the reader is too slow. */
export async function* watch(parts: RegistryParts, request: WatchRequest): AsyncGenerator<WatchEvent> {
  const { context, target, options } = request;
  checkWatchOptions(options);
  const kind = storedKind(parts, target.kind);
  const selection = createSelection(target.kind, options);
  const asked = parseRevision(options.resourceVersion);
  let from = asked;
  if (options.sendInitialEvents ?? asked === undefined) {
    const initial = await list(parts, { context, target, options: initialOptions(options, asked) });
    from = Number(initial.resourceVersion);
    for (const object of initial.items) yield { type: 'ADDED', object };
    // Who wants no bookmarks is not told where what was there ends.
    if (options.sendInitialEvents === true && options.allowWatchBookmarks)
      yield { type: 'BOOKMARK', revision: from, initialEventsEnd: true };
  }
  from ??= await parts.store.revision(context.signal);
  yield* follow(parts, request, { kind, selection, from });
}

function initialOptions(
  { labelSelector, fieldSelector }: WatchOptions,
  asked: number | undefined,
): ListOptions {
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(asked === undefined ? {} : { resourceVersion: String(asked), resourceVersionMatch: 'NotOlderThan' }),
  };
}

interface Following {
  readonly kind: StoredKind;
  readonly selection: Selection | undefined;
  readonly from: number;
}

async function* follow(
  parts: RegistryParts,
  request: WatchRequest,
  following: Following,
): AsyncGenerator<WatchEvent> {
  const { context, target, options } = request;
  const { selection } = following;
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const range = {
    resource: qualifiedResource(following.kind.stored),
    ...(target.namespace === '' ? {} : { namespace: target.namespace }),
    ...(selection?.name === undefined ? {} : { name: selection.name }),
  };
  let reached = following.from;
  // What this generator has taken from the store and not yet given on comes first.
  let isWaiting = false;
  const offer = (batch: WatchBatch): boolean => {
    if (!isWaiting || options.offer === undefined || batch.events.length !== 1) return false;
    try {
      const [seen] = translated(parts, following, batch);
      if (seen !== undefined && !options.offer(seen)) return false;
      reached = batch.revision;
      return true;
    } catch {
      return false; // It comes again by iteration, which tells the reader what is wrong.
    }
  };
  const batches = parts.store.watch(range, following.from, { signal, offer })[Symbol.asyncIterator]();
  const bookmarks = options.allowWatchBookmarks ? new Ticker(parts, signal) : undefined;
  let pending = batches.next();
  try {
    for (;;) {
      isWaiting = true;
      const got = await next(pending, bookmarks);
      isWaiting = false;
      if (got === 'tick') {
        yield { type: 'BOOKMARK', revision: reached, initialEventsEnd: false };
        continue;
      }
      if (got.done === true) return;
      pending = batches.next();
      yield* translated(parts, following, got.value);
      reached = got.value.revision;
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    ended.abort();
    pending.catch(() => {}); // The abort ends it; nobody waits for how.
  }
}

function translated(parts: RegistryParts, following: Following, { events }: WatchBatch): WatchEvent[] {
  return events.map((event) => translate(parts, following, event)).filter((event) => event !== undefined);
}

async function next(
  pending: Promise<IteratorResult<WatchBatch>>,
  bookmarks: Ticker | undefined,
): Promise<IteratorResult<WatchBatch> | 'tick'> {
  if (bookmarks === undefined) return await pending;
  const got = await Promise.race([pending, bookmarks.tick()]);
  if (got === 'tick') bookmarks.restart();
  return got;
}

/** A promise per bookmark interval, so that a race adds nothing that outlives one interval. */
class Ticker {
  readonly #parts: RegistryParts;
  readonly #signal: AbortSignal;
  #tick: Promise<'tick'>;

  constructor(parts: RegistryParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    this.#tick = this.#sleep();
  }

  tick(): Promise<'tick'> {
    return this.#tick;
  }

  restart(): void {
    this.#tick = this.#sleep();
  }

  #sleep(): Promise<'tick'> {
    const tick = this.#parts.clock.sleep(LIMITS.watchBookmarkMs, this.#signal).then(() => 'tick' as const);
    tick.catch(() => {}); // Rejects when the watch ends, when nobody waits for it any more.
    return tick;
  }
}

/** What a watcher is told depends on whether its selector matched before and matches now. */
function translate(parts: RegistryParts, following: Following, event: StoreEvent): WatchEvent | undefined {
  const { kind, selection } = following;
  const bytes = { bytes: event.bytes, revision: event.revision };
  const matches = (stored: Buffer) =>
    selection === undefined || selection.matches(parts.shared.of(stored, event.revision), event.key);
  const before = event.previous;
  const matched =
    event.type === 'delete' ? matches(before ?? event.bytes) : before !== undefined && matches(before);
  const matchesNow = event.type === 'put' && matches(event.bytes);
  if (matchesNow) return { type: matched ? 'MODIFIED' : 'ADDED', object: present(parts, kind, bytes) };
  if (!matched) return undefined;
  const last = event.type === 'delete' ? bytes : { bytes: before ?? event.bytes, revision: event.revision };
  return { type: 'DELETED', object: present(parts, kind, last) };
}
