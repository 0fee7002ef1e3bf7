import { beforeEach, describe, expect, it } from '@jest/globals';
import { closedBreaker, type BreakerState } from '../breaker.fold.js';
import type { BreakerStore, Change } from '../breaker-store.port.js';

export type StoreHarness = Readonly<{
  store: BreakerStore;
  /** Lets leases of 50 ms end. */
  elapse(): Promise<void>;
  /** As if it had been wiped. */
  forget(): Promise<void>;
}>;

/** What every BreakerStore owes the replicas. Destinations are named anew for each test: a real store may be shared. */
export function breakerStoreContract(name: string, open: () => Promise<StoreHarness>): void {
  describe(`BreakerStore contract: ${name}`, () => {
    let harness: StoreHarness;
    let store: BreakerStore;
    let one: string;
    let other: string;
    let count = 0;
    const state = (sinceMs = 5): BreakerState => ({
      phase: { kind: 'closed', sinceMs, streak: 2, slots: [{ at: 7, failures: 2, successes: 0 }] },
      waits: 3,
      outage: null,
      last: { sinceMs: 1, untilMs: 2, cause: 'a "cause" | with\nsigns €', probes: 4 },
    });
    const change = (over: Partial<Change> = {}): Change => ({ version: '', next: 'v1', state: state(), lease: null, ...over });

    beforeEach(async () => {
      harness = await open();
      ({ store } = harness);
      one = `one-${++count}`;
      other = `other-${count}`;
    });

    it('begins with nothing', async () => {
      expect(await store.read(one)).toEqual({ version: '', state: null, lease: null });
      expect((await store.poll([one, other], null)).versions).toEqual(['', '']);
    });

    it('gives back what was written, and tells in one poll who stands as what', async () => {
      expect(await store.swap(one, change())).toEqual({ kind: 'swapped' });
      expect(await store.read(one)).toEqual({ version: 'v1', state: state(), lease: null });
      expect((await store.poll([other, one], null)).versions).toEqual(['', 'v1']);
    });

    it('refuses a write over another version, and says what stands', async () => {
      await store.swap(one, change());
      for (const version of ['', 'v0']) {
        const refused = await store.swap(one, change({ version, next: 'v2', state: closedBreaker(9) }));
        expect(refused).toEqual({ kind: 'refused', why: 'version', standing: { version: 'v1', state: state(), lease: null } });
      }
      expect(await store.swap(one, change({ version: 'v1', next: 'v2', state: closedBreaker(9) }))).toEqual({ kind: 'swapped' });
      expect((await store.read(one)).state).toEqual(closedBreaker(9));
    });

    it('lets one of many writers win', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => store.swap(one, change({ next: `w${n}`, state: state(n) }))));
      expect(answers.filter(({ kind }) => kind === 'swapped')).toHaveLength(1);
      const { version, state: standing } = await store.read(one);
      expect(standing!.phase).toMatchObject({ sinceMs: Number(version.slice(1)) });
    });

    it('leases to one at a time, under a number that only rises', async () => {
      const first = await store.lease(one, 'a', 10_000);
      expect(await store.lease(one, 'b', 10_000)).toBeNull();
      expect(await store.lease(one, 'a', 10_000)).toBe(first);
      expect((await store.read(one)).lease).toBe(first);
      expect(await store.lease(other, 'b', 10_000)).not.toBeNull();
      await store.release(one, first!);
      expect((await store.read(one)).lease).toBeNull();
      expect(await store.lease(one, 'b', 10_000)).toBeGreaterThan(first!);
    });

    it('lets a lease end by itself, and a renewed one not', async () => {
      const first = await store.lease(one, 'a', 50);
      await store.lease(other, 'a', 50);
      await store.lease(other, 'a', 10_000);
      await harness.elapse();
      expect(await store.lease(other, 'b', 50)).toBeNull();
      expect(await store.lease(one, 'b', 50)).toBeGreaterThan(first!);
    });

    it('does not give back what is another’s by now', async () => {
      const first = await store.lease(one, 'a', 50);
      await harness.elapse();
      const second = await store.lease(one, 'b', 10_000);
      await store.release(one, first!);
      expect((await store.read(one)).lease).toBe(second);
    });

    it('takes a report under a lease only while that lease holds', async () => {
      const first = await store.lease(one, 'a', 50);
      expect(await store.swap(one, change({ lease: first }))).toEqual({ kind: 'swapped' });
      await harness.elapse();
      const late = await store.swap(one, change({ version: 'v1', next: 'v2', lease: first }));
      expect(late).toMatchObject({ kind: 'refused', why: 'lease', standing: { version: 'v1', lease: null } });
      const second = await store.lease(one, 'b', 10_000);
      expect(await store.swap(one, change({ version: 'v1', next: 'v2', lease: first }))).toMatchObject({ why: 'lease' });
      expect(await store.swap(one, change({ version: 'v1', next: 'v2', lease: second }))).toEqual({ kind: 'swapped' });
    });

    it('counts who polls as a member, and nobody else', async () => {
      const [a, b] = [`a-${one}`, `b-${one}`];
      await store.poll([one], a);
      await store.poll([one], b);
      const { members } = await store.poll([one], null);
      expect(members).toEqual(expect.arrayContaining([a, b]));
      expect(members).not.toContain('');
      expect([...members]).toEqual([...members].sort());
    });

    it('has nothing any more after it was wiped', async () => {
      await store.swap(one, change());
      await store.lease(one, 'a', 10_000);
      await harness.forget();
      expect(await store.read(one)).toEqual({ version: '', state: null, lease: null });
      expect((await store.poll([one], null)).versions).toEqual(['']);
      expect(await store.swap(one, change({ version: 'v1' }))).toMatchObject({ kind: 'refused', why: 'version' });
    });
  });
}
