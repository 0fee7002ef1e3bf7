import type { Clock } from '#libs/kafka/src/index.js';

const FIRST_MS = 250;
const DELAY_MAX_MS = 10_000;

/**
 * Tries again while the error says that it is worth it, from 250 ms doubling to 10 s, until it works or the signal aborts (null).
 * It waits for ever on purpose: the record is safe in Kafka, and passing it over would lose it from sight.
 */
export async function retried<T>(
  act: () => Promise<T>,
  how: { clock: Clock; signal: AbortSignal; onWaiting(error: Error | null): void },
): Promise<T | null> {
  for (let delayMs = FIRST_MS; !how.signal.aborted; delayMs = Math.min(DELAY_MAX_MS, delayMs * 2)) {
    try {
      const result = await act();
      how.onWaiting(null);
      return result;
    } catch (error) {
      if (!(error instanceof Error) || (error as { retryable?: boolean }).retryable !== true) throw error;
      how.onWaiting(error);
      await how.clock.sleep(delayMs, how.signal);
    }
  }
  return null;
}
