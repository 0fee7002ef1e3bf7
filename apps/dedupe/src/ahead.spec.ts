// Goal: what is ready goes together, in order and within the bounds; nobody waits for what is not.
import { describe, expect, it } from '@jest/globals';
import { Ahead, type Prepared } from './ahead.js';

type Ready = (portion: Prepared<string> | Error) => void;

function world(bounds: Partial<{ itemsMax: number; bytesMax: number }> = {}) {
  const asked: { from: number; ready: Ready }[] = [];
  const stop = new AbortController();
  const prepare = (from: number): Promise<Prepared<string>> =>
    new Promise((resolve, reject) => {
      const ready: Ready = (portion) => (portion instanceof Error ? reject(portion) : resolve(portion));
      stop.signal.addEventListener('abort', () => resolve({ items: [], bytes: 0, next: from }), { once: true });
      asked.push({ from, ready });
    });
  const ahead = new Ahead<string>(10, { prepare, itemsMax: 4, bytesMax: 100, signal: stop.signal, ...bounds });
  /** The n-th preparation ends. */
  const ready = async (portion: Prepared<string> | Error): Promise<void> => {
    asked[asked.length - 1]!.ready(portion);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ahead, asked, ready, stop };
}

describe('Ahead', () => {
  it('hands over the first portion as soon as it is there', async () => {
    const { ahead, asked, ready } = world();
    const taken = ahead.take();
    await ready({ items: ['a'], bytes: 1, next: 11 });
    expect(await taken).toEqual({ items: ['a'], bytes: 1, next: 11 });
    expect(asked.map(({ from }) => from)).toEqual([10, 11]);
  });

  it('hands over all that was prepared meanwhile, in order, and stands behind the last', async () => {
    const { ahead, ready } = world();
    await ready({ items: ['a'], bytes: 1, next: 11 });
    await ready({ items: ['b', 'c'], bytes: 2, next: 15 });
    expect(await ahead.take()).toEqual({ items: ['a', 'b', 'c'], bytes: 3, next: 15 });
  });

  it.each([
    ['items', { itemsMax: 4 }, 1],
    ['bytes', { itemsMax: 100, bytesMax: 7 }, 2],
  ])('gives no more than its bound of %s at once, and prepares nothing while as much waits', async (_, bounds, bytesEach) => {
    const { ahead, asked, ready } = world(bounds);
    for (const next of [13, 16]) await ready({ items: ['x', 'x', 'x'], bytes: 3 * bytesEach, next });
    expect(asked).toHaveLength(2);
    expect(await ahead.take()).toMatchObject({ next: 13 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.map(({ from }) => from)).toEqual([10, 13, 16]);
    expect(await ahead.take()).toMatchObject({ next: 16 });
  });

  it('gives a portion that is over the bound alone', async () => {
    const { ahead, ready } = world({ itemsMax: 1 });
    await ready({ items: ['a', 'b'], bytes: 2, next: 12 });
    expect(await ahead.take()).toMatchObject({ items: ['a', 'b'] });
  });

  it('tells of an error behind what was prepared before it', async () => {
    const { ahead, ready } = world();
    await ready({ items: ['a'], bytes: 1, next: 11 });
    await ready(new Error('away'));
    expect(await ahead.take()).toMatchObject({ items: ['a'] });
    await expect(ahead.take()).rejects.toThrow('away');
    await ahead.ended();
  });

  it('ends with the signal, while it prepares, is full, or is waited for', async () => {
    const waited = world();
    const taken = waited.ahead.take();
    waited.stop.abort();
    expect(await taken).toEqual({ items: [], bytes: 0, next: 10 });
    await waited.ahead.ended();
    const full = world({ itemsMax: 1 });
    await full.ready({ items: ['a'], bytes: 1, next: 11 });
    full.stop.abort();
    await full.ahead.ended();
    expect(full.asked).toHaveLength(1);
  });
});
