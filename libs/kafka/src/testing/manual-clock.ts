import type { Clock } from '../clock.port.js';

type Sleeper = { readonly untilMs: number; readonly wake: () => void };

/** A clock that only a test moves. */
export class ManualClock implements Clock {
  private atMs = 0;
  private readonly sleepers = new Set<Sleeper>();

  constructor(private readonly epochMs = 1_700_000_000_000) {}

  nowMs(): number {
    return this.epochMs + this.atMs;
  }
  monotonicMs(): number {
    return this.atMs;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        this.sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper: Sleeper = { untilMs: this.atMs + ms, wake };
      this.sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Wakes who is due, the earliest first, and lets what follows settle. */
  async advance(ms: number): Promise<void> {
    const toMs = this.atMs + ms;
    for (;;) {
      await settle();
      const due = [...this.sleepers].filter(({ untilMs }) => untilMs <= toMs).sort((a, b) => a.untilMs - b.untilMs)[0];
      if (!due) break;
      this.atMs = Math.max(this.atMs, due.untilMs);
      due.wake();
    }
    this.atMs = toMs;
    await settle();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
