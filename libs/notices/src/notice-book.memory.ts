import type { NoticeBook, NoticeState, UpdateTimes } from './notice-book.port.js';

type Entry = { sentMs: number | null; updates: number; claimedUntilMs: number; step: number };

export class MemoryNoticeBook implements NoticeBook {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly clock: Readonly<{ nowMs(): number }>) {}

  async claim(key: string, state: NoticeState, leaseMs: number, updates: UpdateTimes): Promise<'send' | 'nothing' | 'wait'> {
    const nowMs = this.clock.nowMs();
    const entry = this.entries.get(key) ?? { sentMs: null, updates: 0, claimedUntilMs: 0, step: 0 };
    if (entry.claimedUntilMs > nowMs) return 'wait';
    if (state === 'resolved' && entry.sentMs === null) return 'nothing';
    if (state === 'raised' && entry.sentMs !== null) {
      const { firstMs, maxMs, step } = updates;
      if (step !== undefined && step <= entry.step) return 'nothing';
      const everyMs = step === undefined ? Math.min(maxMs, firstMs * 2 ** entry.updates) : firstMs;
      if (nowMs < entry.sentMs + everyMs) return 'wait';
    }
    this.entries.set(key, { ...entry, claimedUntilMs: nowMs + leaseMs });
    return 'send';
  }

  async sent(key: string, state: NoticeState, step = 0): Promise<void> {
    const entry = this.entries.get(key);
    const updates = entry?.sentMs == null ? 0 : entry.updates + 1;
    if (state === 'resolved') this.entries.delete(key);
    else this.entries.set(key, { sentMs: this.clock.nowMs(), updates, claimedUntilMs: 0, step });
  }
}
