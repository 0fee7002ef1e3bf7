import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { HoldBoard } from '../hold-board.port.js';

export type HoldBoardHarness = Readonly<{ board: HoldBoard; elapse(ms: number): Promise<void> }>;

/** The behaviour every HoldBoard owes its callers. */
export function holdBoardContract(name: string, open: () => Promise<HoldBoardHarness>): void {
  describe(`HoldBoard contract: ${name}`, () => {
    const world = async () => {
      const harness = await open();
      const [one, other] = [`d-${randomUUID()}`, `d-${randomUUID()}`];
      return { ...harness, one, other, left: async (of = one) => (await harness.board.holds()).get(of) ?? 0 };
    };

    it('tells what is left of a hold, and nothing of one that is over', async () => {
      const { board, one, left, elapse } = await world();
      expect(await left()).toBe(0);
      await board.hold(one, 300);
      expect(await left()).toBeGreaterThan(100);
      expect(await left()).toBeLessThanOrEqual(300);
      await elapse(350);
      expect(await left()).toBe(0);
    });

    it('keeps the longer of two holds, whichever came first', async () => {
      const { board, one, left } = await world();
      await board.hold(one, 10_000);
      await board.hold(one, 1_000);
      expect(await left()).toBeGreaterThan(8_000);
      await board.hold(one, 20_000);
      expect(await left()).toBeGreaterThan(18_000);
    });

    it('keeps destinations apart, and a short hold does not end a long one', async () => {
      const { board, one, other, left, elapse } = await world();
      await board.hold(one, 10_000);
      await board.hold(other, 100);
      await elapse(150);
      expect(await left(other)).toBe(0);
      expect(await left(one)).toBeGreaterThan(8_000);
    });
  });
}
