import type { Clock } from './clock.port.js';

export type Retrying = Readonly<{
  /** From the first attempt on; the last error is thrown when the next wait would end later. */
  maxMs: number;
  firstMs: number;
  /** Waits double up to here. */
  capMs: number;
  retry(error: unknown): boolean;
  signal?: AbortSignal;
}>;

/** Tries again with growing waits, within a bound. */
export async function retrying<T>(clock: Clock, how: Retrying, attempt: () => Promise<T>): Promise<T> {
  const untilMs = clock.monotonicMs() + how.maxMs;
  for (let waitMs = how.firstMs; ; waitMs = Math.min(how.capMs, waitMs * 2)) {
    try {
      return await attempt();
    } catch (error) {
      if (!how.retry(error) || how.signal?.aborted || clock.monotonicMs() + waitMs > untilMs) throw error;
    }
    await clock.sleep(waitMs, how.signal);
  }
}

/** Waits for the end of something, at most `ms`; false when time was up. */
export async function endsWithin(clock: Clock, ms: number, ending: Promise<unknown>): Promise<boolean> {
  const enough = new AbortController();
  const inTime = await Promise.race([ending.then(() => true), clock.sleep(ms, enough.signal).then(() => false)]);
  enough.abort();
  return inTime;
}
