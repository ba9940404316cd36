import type { Store, StoreEvent, WatchRange } from '../../src/store/store.ts';

export function describeEvent({ type, key: { namespace, name }, previous, bytes }: StoreEvent): string {
  return `${type} ${namespace}/${name} ${previous?.toString() ?? ''}→${bytes}`;
}

/** Collects what a watch tells until it is disposed of. */
export function follow(store: Store, range: WatchRange, from: number) {
  const stop = new AbortController();
  const events: StoreEvent[] = [];
  const waiting = new Set<() => void>();
  const done = (async () => {
    for await (const batch of store.watch(range, from, { signal: stop.signal })) {
      events.push(...batch.events);
      for (const look of waiting) look();
    }
  })();
  done.catch(() => {}); // Awaited below; a failure meanwhile is no unhandled one.
  return {
    events,
    until: (holds: (events: readonly StoreEvent[]) => boolean) =>
      Promise.race([
        done,
        new Promise<void>((resolve, reject) => {
          const timer = setTimeout(
            () => reject(new Error(`not in time; seen: ${events.map(describeEvent)}`)),
            20_000,
          );
          const look = () => {
            if (!holds(events)) return;
            clearTimeout(timer);
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          look();
        }),
      ]),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
    },
  };
}
