/** Works on all items, so many at a time; the first failure aborts the others and is thrown when they have ended. */
export async function forEachLimited<T>(
  items: readonly T[],
  options: { readonly limit: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) {
      signal.throwIfAborted();
      await work(item, signal);
    }
  };
  const lanes = Array.from({ length: Math.min(options.limit, items.length) }, () =>
    lane().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(lanes);
  // The reason of the first failure, not the abort that it caused in the others.
  if (failed.signal.aborted) throw failed.signal.reason;
}
