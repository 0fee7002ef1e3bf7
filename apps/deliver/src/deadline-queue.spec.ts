import { afterEach, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#libs/kafka/src/index.js';
import { DeadlineQueue } from './deadline-queue.js';

const queue = new DeadlineQueue(systemClock);
afterEach(() => queue.close());
const inMs = (ms: number) => ({ wallMs: systemClock.nowMs() + ms, monotonicMs: systemClock.monotonicMs() + ms });

it('expires what is not taken back, in order, and not before its time', async () => {
  const expired: string[] = [];
  const began = performance.now();
  queue.add(inMs(30), () => expired.push('a'));
  const back = queue.add(inMs(40), () => expired.push('b'));
  queue.add(inMs(60), () => expired.push(`c ${performance.now() - began >= 60}`));
  back();
  await sleep(45);
  expect(expired).toEqual(['a']);
  await sleep(60);
  expect(expired).toEqual(['a', 'c true']);
});

it('goes on when the one it waited for was taken back', async () => {
  const expired: string[] = [];
  queue.add(inMs(10), () => expired.push('gone'))();
  queue.add(inMs(25), () => expired.push('a'));
  await sleep(80);
  expect(expired).toEqual(['a']);
});
