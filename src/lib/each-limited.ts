/**
 * Does `act` to every item, at most `limit` at a time, and waits for all.
 * @throws the first error, when what was begun has ended; nothing is begun after it
 */
export async function eachLimited<T>(
  items: readonly T[],
  limit: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  let failed: { readonly error: unknown } | undefined;
  const work = async () => {
    for (const item of rest) {
      if (failed !== undefined) return;
      try {
        await act(item);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (failed !== undefined) throw (failed as { readonly error: unknown }).error; // Set by the workers, which tsc cannot see.
}
