import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { rateTerms, type Rate } from '../gcra.fold.js';
import type { RateStore } from '../rate-store.port.js';

export type RateStoreHarness = Readonly<{ store: RateStore; elapse(ms: number): Promise<void>; forget(): Promise<void> }>;

/** The behaviour every RateStore owes its callers. */
export function rateStoreContract(name: string, open: () => Promise<RateStoreHarness>): void {
  describe(`RateStore contract: ${name}`, () => {
    const world = async (rate: Rate) => {
      const harness = await open();
      const destination = `d-${randomUUID()}`;
      const terms = rateTerms(rate);
      /** The moments of the tokens, in seconds of the store's clock. */
      const reserve = async (count: number, of = destination): Promise<number[]> => {
        const { granted, firstUs, nowUs } = await harness.store.reserve(of, count, terms);
        return Array.from({ length: granted }, (_, k) => (nowUs + Math.max(0, firstUs + k * terms.intervalUs)) / 1e6);
      };
      return { ...harness, destination, terms, reserve };
    };

    it('gives a full bucket at first, and then nothing until a token comes within the horizon', async () => {
      const { store, destination, terms, reserve } = await world({ perSecond: 2, burst: 5 });
      expect(await reserve(100)).toHaveLength(5); // 4 at once (a quarter of a second's worth is kept back), and one ahead.
      const empty = await store.reserve(destination, 1, terms);
      expect(empty.granted).toBe(0);
      expect(empty.waitUs).toBeGreaterThan(0);
      expect(empty.waitUs).toBeLessThanOrEqual(terms.intervalUs);
    });

    it('gives again what time brings, and no more', async () => {
      const { reserve, elapse } = await world({ perSecond: 50, burst: 10 });
      const first = await reserve(100);
      await elapse(300);
      const second = await reserve(100);
      const all = [...first, ...second];
      expect(second.length).toBeGreaterThan(5);
      expect(all.length).toBeLessThanOrEqual(10 + 50 * (all.at(-1)! - all[0]!));
    });

    it('spaces concurrent leases as one sequence, whoever asks', async () => {
      const { reserve, terms } = await world({ perSecond: 100, burst: 1 });
      const leases = await Promise.all(Array.from({ length: 30 }, () => reserve(2)));
      const moments = leases.flat().sort((a, b) => a - b);
      expect(moments.length).toBeGreaterThan(5);
      for (let i = 1; i < moments.length; i++) expect(moments[i]! - moments[i - 1]!).toBeGreaterThanOrEqual(terms.intervalUs / 1e6 - 1e-5);
    });

    it('keeps the rates of two destinations apart', async () => {
      const { reserve } = await world({ perSecond: 1, burst: 3 });
      const other = `d-${randomUUID()}`;
      await reserve(100);
      expect(await reserve(1)).toEqual([]);
      expect(await reserve(1, other)).toHaveLength(1);
    });

    it('begins with a full bucket when its memory is lost', async () => {
      const { reserve, forget } = await world({ perSecond: 1, burst: 3 });
      const before = await reserve(100);
      await forget();
      expect(await reserve(100)).toHaveLength(before.length);
    });

    it('hands out tokens at the moments the fold says', async () => {
      const { store, destination, terms } = await world({ perSecond: 20, burst: 4 });
      const one = await store.reserve(destination, 2, terms);
      const two = await store.reserve(destination, 100, terms);
      expect(one).toMatchObject({ granted: 2, waitUs: 0 });
      expect(one.firstUs).toBeCloseTo(-terms.toleranceUs, 0);
      // The second lease goes on where the first one ended, on the store's own clock.
      expect(two.nowUs + two.firstUs - (one.nowUs + one.firstUs)).toBeCloseTo(2 * terms.intervalUs, -1);
    });
  });
}
