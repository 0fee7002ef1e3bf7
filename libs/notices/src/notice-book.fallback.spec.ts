import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { FallbackNoticeBook } from './notice-book.fallback.js';
import { MemoryNoticeBook } from './notice-book.memory.js';
import type { NoticeBook } from './notice-book.port.js';
import { noticeBookContract } from './testing/notice-book.contract.js';

const away: NoticeBook = {
  claim: () => Promise.reject(new Error('redis is away')),
  sent: () => Promise.reject(new Error('redis is away')),
};

noticeBookContract('fallback, the shared book is there', async () => {
  const clock = new ManualClock();
  return { book: new FallbackNoticeBook(new MemoryNoticeBook(clock), new MemoryNoticeBook(clock)), elapse: () => clock.advance(60) };
});
noticeBookContract('fallback, the shared book is away', async () => {
  const clock = new ManualClock();
  return { book: new FallbackNoticeBook(away, new MemoryNoticeBook(clock)), elapse: () => clock.advance(60) };
});

describe('FallbackNoticeBook', () => {
  it('resolves what it told alone, once, when the shared book is back and knows nothing of it', async () => {
    const clock = new ManualClock();
    const shared = new MemoryNoticeBook(clock);
    let isAway = true;
    const book = new FallbackNoticeBook(
      {
        claim: (...asked) => (isAway ? away.claim(...asked) : shared.claim(...asked)),
        sent: (...said) => (isAway ? away.sent(...said) : shared.sent(...said)),
      },
      new MemoryNoticeBook(clock),
    );
    const updates = { firstMs: 60_000, maxMs: 60_000, step: 0 };
    expect(await book.claim('k', 'raised', 1_000, updates)).toBe('send');
    await book.sent('k', 'raised', 0);
    isAway = false;
    expect(await book.claim('k', 'resolved', 1_000, updates)).toBe('send');
    await book.sent('k', 'resolved');
    expect(await book.claim('k', 'resolved', 1_000, updates)).toBe('nothing');
  });
});
