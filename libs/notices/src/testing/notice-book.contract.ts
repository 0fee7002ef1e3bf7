import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NoticeBook } from '../notice-book.port.js';

/** What every NoticeBook owes the replicas. `elapse` lets 60 ms pass. */
export function noticeBookContract(name: string, open: () => Promise<Readonly<{ book: NoticeBook; elapse(): Promise<void> }>>): void {
  describe(`NoticeBook contract: ${name}`, () => {
    let book: NoticeBook;
    let elapse: () => Promise<void>;
    let key: string;
    let count = 0;
    const never = { firstMs: 3_600_000, maxMs: 3_600_000 };
    beforeEach(async () => {
      ({ book, elapse } = await open());
      key = `ops|breaker|portal-${++count}|`;
    });

    it('lets one send a ticket, and nobody again once it was sent', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => book.claim(key, 'raised', 10_000, never)));
      expect(answers.filter((answer) => answer === 'send')).toHaveLength(1);
      await book.sent(key, 'raised');
      expect(await book.claim(key, 'raised', 10_000, never)).toBe('wait');
    });

    it('lets another send it when the one that had it never said that it did', async () => {
      expect(await book.claim(key, 'raised', 50, never)).toBe('send');
      expect(await book.claim(key, 'raised', 50, never)).toBe('wait');
      await elapse();
      expect(await book.claim(key, 'raised', 50, never)).toBe('send');
    });

    it('lets updates follow at growing intervals', async () => {
      const updates = { firstMs: 50, maxMs: 3_600_000 };
      await book.claim(key, 'raised', 10_000, updates);
      await book.sent(key, 'raised');
      expect(await book.claim(key, 'raised', 10_000, updates)).toBe('wait');
      await elapse();
      expect(await book.claim(key, 'raised', 10_000, updates)).toBe('send');
      await book.sent(key, 'raised');
      await elapse();
      expect(await book.claim(key, 'raised', 10_000, updates)).toBe('wait');
      await elapse();
      expect(await book.claim(key, 'raised', 10_000, updates)).toBe('send');
    });

    it('with a step tells of growth alone, and not too soon after', async () => {
      const step = (reached: number) => book.claim(key, 'raised', 10_000, { firstMs: 50, maxMs: 50, step: reached });
      expect(await step(1)).toBe('send');
      await book.sent(key, 'raised', 1);
      expect([await step(0), await step(1), await step(2)]).toEqual(['nothing', 'nothing', 'wait']);
      await elapse();
      expect([await step(1), await step(2)]).toEqual(['nothing', 'send']);
      await book.sent(key, 'raised', 2);
      await book.claim(key, 'resolved', 10_000, never);
      await book.sent(key, 'resolved', 0);
      expect(await step(0)).toBe('send');
    });

    it('resolves what was raised, once, and lets it be raised anew', async () => {
      expect(await book.claim(key, 'resolved', 10_000, never)).toBe('nothing');
      await book.claim(key, 'raised', 10_000, never);
      await book.sent(key, 'raised');
      expect(await book.claim(key, 'resolved', 10_000, never)).toBe('send');
      await book.sent(key, 'resolved');
      expect(await book.claim(key, 'resolved', 10_000, never)).toBe('nothing');
      expect(await book.claim(key, 'raised', 10_000, never)).toBe('send');
    });
  });
}
