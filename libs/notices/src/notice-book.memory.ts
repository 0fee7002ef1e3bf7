import type { NoticeBook, NoticeState, UpdateTimes } from './notice-book.port.js';

type Entry = { sentMs: number | null; updates: number; claimedUntilMs: number };

export class MemoryNoticeBook implements NoticeBook {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly clock: Readonly<{ nowMs(): number }>) {}

  async claim(key: string, state: NoticeState, leaseMs: number, { firstMs, maxMs }: UpdateTimes): Promise<'send' | 'nothing' | 'wait'> {
    const nowMs = this.clock.nowMs();
    const entry = this.entries.get(key) ?? { sentMs: null, updates: 0, claimedUntilMs: 0 };
    if (entry.claimedUntilMs > nowMs) return 'wait';
    if (state === 'resolved' && entry.sentMs === null) return 'nothing';
    if (state === 'raised' && entry.sentMs !== null && nowMs < entry.sentMs + Math.min(maxMs, firstMs * 2 ** entry.updates)) return 'wait';
    this.entries.set(key, { ...entry, claimedUntilMs: nowMs + leaseMs });
    return 'send';
  }

  async sent(key: string, state: NoticeState): Promise<void> {
    const entry = this.entries.get(key);
    if (state === 'resolved') this.entries.delete(key);
    else this.entries.set(key, { sentMs: this.clock.nowMs(), updates: entry?.sentMs == null ? 0 : entry.updates + 1, claimedUntilMs: 0 });
  }
}
