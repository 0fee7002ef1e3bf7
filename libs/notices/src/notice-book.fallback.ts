import type { NoticeBook, NoticeState, UpdateTimes } from './notice-book.port.js';

/**
 * A shared book, and one of this process for as long as the shared one is away: then each replica tells for itself, so a notice may
 * come twice, and none is missed. What was told meanwhile is resolved by who told it.
 */
export class FallbackNoticeBook implements NoticeBook {
  /** Keys whose last claim the shared book did not answer. */
  private readonly alone = new Set<string>();

  constructor(
    private readonly shared: NoticeBook,
    private readonly own: NoticeBook,
  ) {}

  async claim(key: string, state: NoticeState, leaseMs: number, updates: UpdateTimes): Promise<'send' | 'nothing' | 'wait'> {
    let answer: 'send' | 'nothing' | 'wait';
    try {
      answer = await this.shared.claim(key, state, leaseMs, updates);
    } catch {
      this.alone.add(key);
      return this.own.claim(key, state, leaseMs, updates);
    }
    if (answer !== 'nothing' || state !== 'resolved' || !this.alone.has(key)) return answer;
    return this.own.claim(key, state, leaseMs, updates);
  }

  async sent(key: string, state: NoticeState, step?: number): Promise<void> {
    if (this.alone.has(key)) await this.own.sent(key, state, step);
    if (this.alone.has(key) && state === 'resolved') this.alone.delete(key);
    // What the shared book missed is told once more when it is back.
    await this.shared.sent(key, state, step).catch(() => {});
  }
}
