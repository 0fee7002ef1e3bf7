import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryNoticeBook } from './notice-book.memory.js';
import { noticeBookContract } from './testing/notice-book.contract.js';

noticeBookContract('memory', async () => {
  const clock = new ManualClock();
  return { book: new MemoryNoticeBook(clock), elapse: () => clock.advance(60) };
});
