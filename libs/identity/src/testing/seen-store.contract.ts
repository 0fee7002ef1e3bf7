import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { revisionOrder } from '../revision-order.js';
import type { Claim, ClaimAnswer, ClaimBatch, SeenStore } from '../seen-store.port.js';

/** What a test may do to the world behind the store. `elapse` may be a fake clock or a real sleep. */
export type SeenStoreHarness = { store: SeenStore; elapse(ms: number): Promise<void>; forget(incarnation: string): Promise<void> };

const minute = 60_000;
const claim = (key: string, offset: number, over: Partial<Claim> & { revision?: string; entity?: string } = {}): Claim => ({
  key,
  offset,
  appendedMs: over.appendedMs ?? 1_000_000 + offset,
  windowMs: over.windowMs ?? minute,
  ttlMs: over.ttlMs ?? 2 * minute,
  pointer: over.revision === undefined ? null : { key: over.entity ?? 'e', revision: revisionOrder(over.revision) },
});
const words = (answer: ClaimAnswer): string =>
  answer.kind === 'refused'
    ? `refused at ${answer.reached}`
    : answer.verdicts
        .map((v) => (v.kind === 'first' ? 'first' : v.kind === 'duplicate' ? `duplicate of ${v.of}` : `superseded by ${v.by}`))
        .join(', ');

/** The behaviour every SeenStore owes its callers. An adapter is done when it passes unchanged. */
export function seenStoreContract(name: string, open: () => Promise<SeenStoreHarness>): void {
  describe(`SeenStore contract: ${name}`, () => {
    const world = async () => {
      const harness = await open();
      const incarnation = randomUUID();
      const call = async (from: number, claims: Claim[], over: Partial<ClaimBatch> = {}) =>
        words(
          await harness.store.claim({
            partition: 3,
            incarnation,
            from,
            next: (claims.at(-1)?.offset ?? from - 1) + 1,
            floor: 0,
            settled: from,
            lagMs: 0,
            slackMs: minute,
            claims,
            ...over,
          }),
        );
      return { ...harness, incarnation, call, forget: () => harness.forget(incarnation) };
    };

    it('gives a key to its first position, in one batch and across batches', async () => {
      const { call } = await world();
      expect(await call(0, [claim('a', 0), claim('b', 1), claim('a', 2)])).toBe('first, first, duplicate of 0');
      expect(await call(3, [claim('b', 4), claim('c', 5)])).toBe('duplicate of 1, first');
    });

    it('answers the same when the same batch is claimed again, or a part of it, or more', async () => {
      const { call } = await world();
      const batch = [claim('a', 0), claim('a', 1), claim('b', 2)];
      const once = await call(0, batch);
      expect(await call(0, batch)).toBe(once);
      expect(await call(0, batch.slice(0, 2))).toBe('first, duplicate of 0');
      expect(await call(0, [...batch, claim('b', 3)])).toBe(`${once}, duplicate of 2`);
    });

    it('judges by position, whoever comes first: a late owner that judges older positions again changes nothing', async () => {
      const { call } = await world();
      await call(0, [claim('a', 0), claim('b', 1)]);
      await call(2, [claim('c', 2), claim('a', 3)]);
      expect(await call(0, [claim('a', 0), claim('b', 1)])).toBe('first, first');
      expect(await call(4, [claim('c', 4)])).toBe('duplicate of 2');
    });

    it('refuses a claim behind a gap, claims nothing then, and says from where to go on', async () => {
      const { call } = await world();
      expect(await call(5, [claim('a', 5)])).toBe('refused at 0');
      expect(await call(0, [claim('a', 0), claim('b', 1)])).toBe('first, first');
      expect(await call(5, [claim('a', 5)])).toBe('refused at 2');
      expect(await call(2, [], { next: 5 })).toBe('');
      expect(await call(5, [claim('a', 5)])).toBe('duplicate of 0');
    });

    it('notices that it forgot, and is filled again by the same call', async () => {
      const { call, forget } = await world();
      await call(0, [claim('a', 0), claim('b', 1), claim('a', 2)]);
      await forget();
      expect(await call(3, [claim('b', 3)])).toBe('refused at 0');
      expect(await call(0, [claim('a', 0), claim('b', 1)])).toBe('first, first');
      expect(await call(3, [claim('b', 3)])).toBe('refused at 2');
      expect(await call(2, [claim('a', 2)])).toBe('duplicate of 0');
      expect(await call(3, [claim('b', 3)])).toBe('duplicate of 1');
    });

    it('lets a rebuild begin at the floor, and only there', async () => {
      const { call } = await world();
      expect(await call(100, [claim('a', 100)], { floor: 50 })).toBe('refused at 0');
      expect(await call(50, [claim('a', 50)], { floor: 50, next: 100 })).toBe('first');
      expect(await call(100, [claim('a', 100)])).toBe('duplicate of 50');
    });

    it('never lowers the watermark', async () => {
      const { call } = await world();
      await call(0, [claim('a', 0)], { next: 10 });
      await call(0, [claim('a', 0)], { next: 1 });
      expect(await call(10, [claim('a', 10)])).toBe('duplicate of 0');
    });

    it('keeps partitions and incarnations apart', async () => {
      const { call } = await world();
      await call(0, [claim('a', 0)]);
      expect(await call(0, [claim('a', 1)], { partition: 4 })).toBe('first');
      expect(await call(0, [claim('a', 1)], { incarnation: randomUUID() })).toBe('first');
      expect(await call(1, [claim('a', 1)])).toBe('duplicate of 0');
    });

    it('ends a window by append time, to the millisecond, and then begins a new one', async () => {
      const { call } = await world();
      const at = (offset: number, appendedMs: number) => claim('a', offset, { appendedMs, windowMs: 1_000 });
      expect(await call(0, [at(0, 5_000), at(1, 6_000), at(2, 6_001), at(3, 7_001), at(4, 7_002)])).toBe(
        'first, duplicate of 0, first, duplicate of 2, first',
      );
    });

    it('answers the same again for positions of a window that a later position has ended', async () => {
      const { call } = await world();
      const at = (offset: number, appendedMs: number) => claim('a', offset, { appendedMs, windowMs: 1_000 });
      await call(0, [at(0, 5_000)]);
      const batch = [at(1, 5_500), at(2, 6_500), at(3, 7_000), at(4, 7_600)];
      const once = await call(1, batch);
      expect(once).toBe('duplicate of 0, first, duplicate of 2, first');
      expect(await call(1, batch)).toBe(once);
      // Settled up to 4: older entries go, what counts stays.
      expect(await call(5, [at(5, 9_000)], { settled: 5 })).toBe('first');
      expect(await call(4, [at(4, 7_600), at(5, 9_000)], { settled: 4 })).toBe('first, first');
    });

    it('forgets a key when its time is over', async () => {
      const { call, elapse } = await world();
      await call(0, [claim('a', 0, { ttlMs: 60 })]);
      await elapse(120);
      expect(await call(1, [claim('a', 1)])).toBe('first');
    });

    it('counts lag beyond the slack as loss: the keys may have expired before the window was over', async () => {
      const { call } = await world();
      await call(0, [claim('a', 0)], { lagMs: 10 * minute });
      expect(await call(1, [claim('b', 1)], { lagMs: 11 * minute })).toBe('first');
      expect(await call(2, [claim('c', 2)], { lagMs: 0 })).toBe('first');
      expect(await call(3, [claim('a', 3)], { lagMs: minute + 1 })).toBe('refused at 0');
      expect(await call(0, [claim('a', 0), claim('b', 1), claim('c', 2)], { lagMs: minute + 1 })).toBe('first, first, first');
      expect(await call(3, [claim('a', 3)], { lagMs: minute + 1 })).toBe('duplicate of 0');
    });

    it('supersedes an older revision by an earlier position only', async () => {
      const { call } = await world();
      const rev = (key: string, offset: number, revision: string) => claim(key, offset, { revision });
      const batch = [rev('a', 0, '9'), rev('b', 1, '10'), rev('c', 2, '9'), rev('d', 3, '10'), rev('e', 4, '11'), rev('f', 5, '10')];
      const once = await call(0, batch);
      expect(once).toBe('first, first, superseded by 1, first, first, superseded by 4');
      expect(await call(0, batch)).toBe(once);
      expect(await call(2, batch.slice(2))).toBe('superseded by 1, first, first, superseded by 4');
    });

    it('keeps the revision that counted when a batch is judged again after a newer one was seen', async () => {
      const { call } = await world();
      const rev = (key: string, offset: number, revision: string) => claim(key, offset, { revision });
      await call(0, [rev('a', 0, '5')]);
      const batch = [rev('b', 1, '1'), rev('c', 2, '7'), rev('d', 3, '8')];
      const once = await call(1, batch);
      expect(once).toBe('superseded by 0, first, first');
      expect(await call(1, batch)).toBe(once);
      expect(await call(4, [rev('e', 4, '7')])).toBe('superseded by 3');
    });

    it('follows entities one by one; a duplicate moves nothing, and no revision means no pointer', async () => {
      const { call } = await world();
      const first = [claim('a', 0, { revision: '5', entity: 'x' }), claim('b', 1, { revision: '1', entity: 'y' })];
      expect(await call(0, [...first, claim('a', 2, { revision: '9', entity: 'x' }), claim('c', 3)])).toBe(
        'first, first, duplicate of 0, first',
      );
      expect(await call(4, [claim('d', 4, { revision: '6', entity: 'x' })])).toBe('first');
    });

    it('takes many at once, at high offsets', async () => {
      const { call } = await world();
      const base = 9_000_000_000_000;
      const claims = Array.from({ length: 1_000 }, (_, n) => claim(`k${n % 900}`, base + n));
      const answer = (await call(base, claims, { floor: base })).split(', ');
      expect(answer.slice(0, 900).every((word) => word === 'first')).toBe(true);
      expect(answer[999]).toBe(`duplicate of ${base + 99}`);
    });
  });
}
