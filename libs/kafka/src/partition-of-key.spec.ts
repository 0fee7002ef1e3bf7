import { describe, expect, it } from '@jest/globals';
import { murmur2, partitionOfKey } from './partition-of-key.js';

/** Goal: the same partition as Java's default partitioner. The first six hashes are those of Kafka's own UtilsTest. */
describe('the partition of a key', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Java does', (key, hash) => expect(murmur2(Buffer.from(key))).toBe(hash));

  it('clears the sign before it divides, and takes a text as UTF-8', () => {
    expect(partitionOfKey('21', 12)).toBe((-973932308 & 0x7fffffff) % 12);
    expect(partitionOfKey('größe', 7)).toBe(partitionOfKey(Buffer.from('größe'), 7));
    expect(partitionOfKey('', 5)).toBeGreaterThanOrEqual(0);
  });
});
