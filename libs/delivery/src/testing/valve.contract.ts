import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Valve } from '../valve.port.js';
import { toldOf } from './scripted-valve.js';

/** A valve, and how a test shuts and opens it: by outcomes, time, or whatever moves it. Both resolve when its answer must have changed. */
export type ValveHarness = Readonly<{
  valve: Valve;
  /** Nothing goes in any more: by its limit, or because nothing is left to take. */
  shut(): Promise<void>;
  open(): Promise<void>;
  end?(): Promise<void>;
}>;

const classes = ['delivered', 'transient', 'throttled', 'auth', 'business', 'permanent', 'unknown'] as const;

/** What every Valve owes its gate. */
export function valveContract(name: string, open: () => Promise<ValveHarness>): void {
  describe(`Valve contract: ${name}`, () => {
    let harness: ValveHarness;
    let calls: number;
    const isOpen = (): boolean => harness.valve.limit() > 0 && harness.valve.take();

    beforeEach(async () => {
      calls = 0;
      harness = await open();
      harness.valve.changed(() => void calls++);
    });
    afterEach(async () => {
      await harness.valve.close();
      await harness.end?.();
    });

    it('begins open and holds nothing back', () => {
      expect(isOpen()).toBe(true);
      expect(harness.valve.holding()).toBeNull();
    });

    it('shuts, says since when and why if it holds everything back, and tells its listener when it opens again', async () => {
      await harness.shut();
      expect(isOpen()).toBe(false);
      const holding = harness.valve.holding();
      if (harness.valve.limit() === 0) expect(holding).not.toBeNull();
      if (holding) {
        expect(holding.sinceMs).toBeGreaterThan(0);
        if (holding.untilMs !== null) expect(holding.untilMs).toBeGreaterThanOrEqual(holding.sinceMs);
      }
      calls = 0;
      await harness.open();
      expect(calls).toBeGreaterThan(0);
      expect(isOpen()).toBe(true);
      expect(harness.valve.holding()).toBeNull();
    });

    it('shuts again after it has opened', async () => {
      await harness.shut();
      await harness.open();
      await harness.shut();
      expect(isOpen()).toBe(false);
    });

    it('answers a limit that is 0, or at least 1', async () => {
      const limits = [harness.valve.limit()];
      await harness.shut();
      limits.push(harness.valve.limit());
      await harness.open();
      limits.push(harness.valve.limit());
      for (const limit of limits) expect(limit === 0 || limit >= 1).toBe(true);
    });

    it('hears of outcomes of every class without throwing, and is asked in between', () => {
      for (const named of classes) {
        harness.valve.told(toldOf(named));
        harness.valve.told(
          toldOf(named, { tookMs: null, retryAfterMs: 1_000, rateLimit: { remaining: 0, resetMs: 1_000 }, isRetry: true }),
        );
        expect(typeof harness.valve.limit()).toBe('number');
        harness.valve.holding();
      }
    });

    it('closes twice, and while it is shut', async () => {
      await harness.shut();
      await harness.valve.close();
      await harness.valve.close();
    });
  });
}
