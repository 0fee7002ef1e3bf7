import { setTimeout as sleep } from 'node:timers/promises';

export type WaitOptions = Readonly<{
  /** What is awaited, in words: it stands in the error. */
  what: string;
  /** Default 10 s. */
  withinMs?: number;
  /** Pause between two looks, default 25 ms. */
  everyMs?: number;
  /** Told in the error when the time is over: what was seen instead. */
  seen?: () => unknown;
}>;

/** What a look answers when it is no longer "not yet". */
export type Found<T> = Exclude<T, null | undefined | false | 0 | ''>;

/** The condition did not come true in time. */
export class WaitedTooLongError extends Error {
  readonly code = 'WAITED_TOO_LONG';
}

/**
 * Looks until `look` answers something truthy, and returns that. A look that throws counts as "not yet", and its error is the
 * cause when time runs out. So a test waits exactly as long as needed and never by a fixed sleep.
 */
export async function waitFor<T>(look: () => T | Promise<T>, options: WaitOptions): Promise<Found<T>> {
  const { what, withinMs = 10_000, everyMs = 25, seen } = options;
  const startedMs = performance.now();
  let lastError: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found) return found as Found<T>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() - startedMs >= withinMs) break;
    await sleep(everyMs);
  }
  const instead = seen ? `; seen instead: ${JSON.stringify(seen())}` : '';
  const failed = lastError instanceof Error ? `; the last look failed: ${lastError.message}` : '';
  throw new WaitedTooLongError(`${what} did not come true within ${withinMs} ms${instead}${failed}`, { cause: lastError });
}
