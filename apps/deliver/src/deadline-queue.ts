import type { Clock } from '#libs/kafka/src/index.js';
import type { Deadline } from './deliver.ports.js';

type Entry = { readonly monotonicMs: number; readonly expire: () => void };

/**
 * Deadlines of one destination. Its timeout is one, so they come in order, and one timer for the earliest is enough for all:
 * thousands of requests a second cost no timer each.
 */
export class DeadlineQueue {
  private readonly entries = new Set<Entry>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** Answers how to take it back. */
  add({ monotonicMs }: Deadline, expire: () => void): () => void {
    const entry: Entry = { monotonicMs, expire };
    this.entries.add(entry);
    if (!this.timer) this.arm(entry);
    return () => this.entries.delete(entry);
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.entries.clear();
  }

  private arm(entry: Entry): void {
    this.timer = setTimeout(() => this.sweep(), Math.max(1, Math.ceil(entry.monotonicMs - this.clock.monotonicMs())));
    this.timer.unref();
  }

  /** A timer set for an entry that has gone meanwhile finds nothing due, and is set for the next. */
  private sweep(): void {
    this.timer = null;
    const nowMs = this.clock.monotonicMs();
    for (const entry of this.entries) {
      if (entry.monotonicMs > nowMs) return this.arm(entry);
      this.entries.delete(entry);
      entry.expire();
    }
  }
}
