const DEADLINE_MS = 5000;

/** Resolves when the condition holds. @throws after five seconds. */
export async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come to hold in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
