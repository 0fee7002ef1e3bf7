import type { Clock } from './clock.port.js';

/** Node's timers count in 32 bits: a longer one would end at once, and whoever waits for a day next month would turn in circles. */
const timerMaxMs = 2 ** 31 - 1;

let turn: Promise<void> | null = null;

/** The machine's own time. A sleep beyond 24 days ends early; who waits for a moment looks at the clock again. Everything but the simulator runs on it. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(timerMaxMs, Math.max(0, ms)));
      signal?.addEventListener('abort', end, { once: true });
    }),
  // One for all who ask in the same turn, so that they go on together.
  endOfTurn: () =>
    (turn ??= new Promise((resolve) =>
      setImmediate(() => {
        turn = null;
        resolve();
      }),
    )),
};
