import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AttemptMarks, AttemptMarksStore, Claim, ClaimRequest, MarkedPartition, Standing } from '../attempt-marks.port.js';

/** What a test may do to the world behind the store. */
export type MarksHarness = Readonly<{
  store: AttemptMarksStore;
  /** Redis loses all it had of this partition, under the same run id (as FLUSHALL does). */
  wipe(partition: MarkedPartition): Promise<void>;
}>;

const ask = (offset: number, over: Partial<ClaimRequest> = {}): ClaimRequest => ({
  offset,
  again: false,
  claimId: randomUUID(),
  atMs: 1_000,
  ...over,
});

/** The behaviour every AttemptMarks owes its callers; memory and Redis pass it unchanged. */
export function attemptMarksContract(name: string, open: () => Promise<MarksHarness>): void {
  describe(`AttemptMarks contract: ${name}`, () => {
    let harness: MarksHarness;
    let partition: MarkedPartition;
    let marks: AttemptMarks;
    let mine: Standing;

    const register = async (number: number, over: Partial<Parameters<AttemptMarks['register']>[0]> = {}): Promise<Standing> => {
      const identity = await marks.identity();
      expect(await marks.register({ number, identity, offset: 0, settled: [], doubts: [], ...over })).toBe('registered');
      return { number, identity };
    };
    const claim = async (standing: Standing, ...requests: ClaimRequest[]): Promise<readonly Claim[]> => {
      const answer = await marks.claim(standing, requests);
      if (answer.kind !== 'claims') throw new Error(`refused: ${answer.why}`);
      return answer.claims;
    };

    beforeEach(async () => {
      harness = await open();
      partition = { topic: 'hf.deliveries.portal', partition: 3, incarnation: randomUUID() };
      marks = harness.store.of(partition);
      mine = await register(7);
    });

    it('counts the first start, and tells the next who asks that it was started and since when', async () => {
      expect(await claim(mine, ask(5, { atMs: 1_234 }), ask(9))).toEqual([
        { kind: 'granted', starts: 1 },
        { kind: 'granted', starts: 1 },
      ]);
      expect(await claim(mine, ask(5))).toEqual([{ kind: 'started', starts: 1, sinceMs: 1_234 }]);
    });

    it('answers an empty batch', async () => {
      expect(await claim(mine)).toEqual([]);
    });

    it('counts again only when told to', async () => {
      await claim(mine, ask(5));
      expect(await claim(mine, ask(5, { again: true }))).toEqual([{ kind: 'granted', starts: 2 }]);
      expect(await claim(mine, ask(5))).toMatchObject([{ kind: 'started', starts: 2 }]);
    });

    it('counts a repeated request once: its answer may have been lost', async () => {
      const first = ask(5);
      await claim(mine, first);
      expect(await claim(mine, first)).toEqual([{ kind: 'granted', starts: 1 }]);
      const again = ask(5, { again: true });
      await claim(mine, again);
      expect(await claim(mine, again)).toEqual([{ kind: 'granted', starts: 2 }]);
    });

    it('keeps how it ended, and tells it to whoever asks', async () => {
      await claim(mine, ask(5));
      await marks.end([{ offset: 5, how: 'once' }]);
      expect(await claim(mine, ask(5))).toEqual([{ kind: 'done', how: 'once', starts: 1 }]);
      expect(await claim(mine, ask(5, { again: true }))).toEqual([{ kind: 'done', how: 'once', starts: 1 }]);
    });

    it('takes a late end from an owner that is no more, and lets the weaker promise stand', async () => {
      await claim(mine, ask(5));
      const later = await register(8);
      await claim(later, ask(5, { again: true }));
      await marks.end([{ offset: 5, how: 'maybe-twice' }]);
      await marks.end([{ offset: 5, how: 'once' }]);
      expect(await claim(later, ask(5))).toEqual([{ kind: 'done', how: 'maybe-twice', starts: 2 }]);
    });

    it('takes an end of what it does not know', async () => {
      await marks.end([{ offset: 77, how: 'proof' }]);
      expect(await claim(mine, ask(77))).toEqual([{ kind: 'done', how: 'proof', starts: 0 }]);
    });

    it('undoes a start after a definite failure, once, and only the one that is named', async () => {
      const start = ask(5);
      await claim(mine, start);
      await marks.clear(mine, [{ offset: 5, claimId: 'another' }]);
      expect(await claim(mine, ask(5))).toMatchObject([{ kind: 'started', starts: 1 }]);
      await marks.clear(mine, [{ offset: 5, claimId: start.claimId }]);
      const next = ask(5);
      expect(await claim(mine, next)).toEqual([{ kind: 'granted', starts: 1 }]);
      await marks.clear(mine, [{ offset: 5, claimId: start.claimId }]);
      expect(await claim(mine, ask(5))).toMatchObject([{ kind: 'started', starts: 1 }]);
    });

    it('leaves the starts of others when mine is undone', async () => {
      await claim(mine, ask(5, { atMs: 50 }));
      const later = await register(8);
      const again = ask(5, { again: true });
      await claim(later, again);
      await marks.clear(later, [{ offset: 5, claimId: again.claimId }]);
      expect(await claim(later, ask(5))).toEqual([{ kind: 'started', starts: 1, sinceMs: 50 }]);
    });

    it('raises the owner and never lowers it', async () => {
      const later = await register(9);
      const identity = await marks.identity();
      expect(await marks.register({ number: 8, identity, offset: 0, settled: [], doubts: [] })).toBe('later-owner');
      expect(await marks.claim(mine, [ask(1)])).toEqual({ kind: 'refused', why: 'later-owner' });
      expect(await claim(later, ask(1))).toEqual([{ kind: 'granted', starts: 1 }]);
      await register(9);
    });

    it('refuses all of a batch or nothing', async () => {
      await register(9);
      expect(await marks.claim(mine, [ask(1), ask(2)])).toEqual({ kind: 'refused', why: 'later-owner' });
    });

    it('refuses to undo under an owner that is no more', async () => {
      const start = ask(5);
      await claim(mine, start);
      const later = await register(8);
      await marks.clear(mine, [{ offset: 5, claimId: start.claimId }]);
      expect(await claim(later, ask(5))).toMatchObject([{ kind: 'started', starts: 1 }]);
    });

    it('keeps its identity while it keeps its marks, and has another after it lost them', async () => {
      expect(await marks.identity()).toBe(mine.identity);
      await harness.wipe(partition);
      expect(await marks.claim(mine, [ask(1)])).toEqual({ kind: 'refused', why: 'other-identity' });
      const identity = await marks.identity();
      expect(identity).not.toBe(mine.identity);
      expect(await marks.claim({ number: 7, identity }, [ask(1)])).toEqual({ kind: 'refused', why: 'owner-missing' });
      expect(await marks.register({ number: 7, identity: mine.identity, offset: 0, settled: [], doubts: [] })).toBe('other-identity');
    });

    it('writes doubts down as started twice, and keeps what is done', async () => {
      await claim(mine, ask(3), ask(4));
      await marks.end([{ offset: 3, how: 'once' }]);
      const later = await register(8, {
        doubts: [
          { from: 3, to: 5 },
          { from: 6, to: 7 },
        ],
      });
      expect(await claim(later, ask(3), ask(4), ask(5), ask(6))).toMatchObject([
        { kind: 'done', how: 'once', starts: 2 },
        { kind: 'started', starts: 2 },
        { kind: 'granted', starts: 1 },
        { kind: 'started', starts: 2, sinceMs: null },
      ]);
    });

    it('does not undo a doubt', async () => {
      const start = ask(3);
      await claim(mine, start);
      const later = await register(8, { doubts: [{ from: 3, to: 4 }] });
      await marks.clear(later, [{ offset: 3, claimId: start.claimId }]);
      expect(await claim(later, ask(3))).toMatchObject([{ kind: 'started', starts: 2 }]);
    });

    it('forgets what it is told to, and at a registration what a settlement has passed', async () => {
      await claim(mine, ask(1), ask(2), ask(3), ask(4), ask(5));
      await marks.forget([2]);
      const later = await register(8, { offset: 2, settled: [4] });
      expect(await claim(later, ask(1), ask(2), ask(3), ask(4), ask(5))).toMatchObject([
        { kind: 'granted' },
        { kind: 'granted' },
        { kind: 'started' },
        { kind: 'granted' },
        { kind: 'started' },
      ]);
    });

    describe('of a sequence of requests', () => {
      const noted = { text: '{"read":"ü|,:"}', isSure: true };

      it('keeps what has ended, and counts the next request from the beginning', async () => {
        const read = ask(5);
        await claim(mine, read);
        expect(await marks.progress(mine, [{ offset: 5, claimId: read.claimId, parts: 1, note: noted.text }])).toEqual({ kind: 'noted' });
        const write = ask(5);
        expect(await claim(mine, write)).toEqual([{ kind: 'granted', starts: 1, note: noted }]);
        const later = await register(8);
        expect(await claim(later, ask(5))).toMatchObject([{ kind: 'started', starts: 1, note: noted }]);
        await marks.end([{ offset: 5, how: 'once' }]);
        expect(await claim(later, ask(5))).toEqual([{ kind: 'done', how: 'once', starts: 1, note: noted }]);
      });

      it('keeps the note when the next start is undone', async () => {
        const read = ask(5);
        await claim(mine, read);
        await marks.progress(mine, [{ offset: 5, claimId: read.claimId, parts: 1, note: noted.text }]);
        const write = ask(5);
        await claim(mine, write);
        await marks.clear(mine, [{ offset: 5, claimId: write.claimId }]);
        expect(await claim(mine, ask(5))).toEqual([{ kind: 'granted', starts: 1, note: noted }]);
      });

      it('is refused under another standing, as a claim is', async () => {
        const read = ask(5);
        await claim(mine, read);
        const later = await register(8);
        const step = { offset: 5, claimId: read.claimId, parts: 1, note: 'late' };
        expect(await marks.progress(mine, [step])).toEqual({ kind: 'refused', why: 'later-owner' });
        expect(await marks.progress({ ...later, identity: 'run:other' }, [step])).toEqual({ kind: 'refused', why: 'other-identity' });
        expect(await claim(later, ask(5))).toEqual([{ kind: 'started', starts: 1, sinceMs: 1_000 }]);
      });

      it('changes nothing when it comes late: under another start, or of fewer parts', async () => {
        const first = ask(5);
        await claim(mine, first);
        const early = { offset: 5, claimId: first.claimId, parts: 1, note: 'one' };
        await marks.progress(mine, [early]);
        const second = ask(5);
        await claim(mine, second);
        await marks.progress(mine, [early]);
        expect(await claim(mine, ask(5))).toMatchObject([{ kind: 'started', starts: 1 }]);
        await marks.progress(mine, [{ offset: 5, claimId: second.claimId, parts: 2, note: 'two' }]);
        await marks.progress(mine, [early]);
        expect(await claim(mine, ask(5))).toMatchObject([{ kind: 'granted', note: { text: 'two' } }]);
      });

      it('says so when Redis has forgotten meanwhile: more may have begun than the note says', async () => {
        const read = ask(5);
        await claim(mine, read);
        await marks.progress(mine, [{ offset: 5, claimId: read.claimId, parts: 1, note: noted.text }]);
        const later = await register(8, { doubts: [{ from: 5, to: 7 }] });
        expect(await claim(later, ask(5), ask(6))).toMatchObject([
          { kind: 'started', starts: 2, note: { text: noted.text, isSure: false } },
          { kind: 'started', starts: 2, note: { text: '', isSure: false } },
        ]);
        const again = ask(5, { again: true });
        await claim(later, again);
        await marks.progress(later, [{ offset: 5, claimId: again.claimId, parts: 2, note: 'two' }]);
        expect(await claim(later, ask(5))).toMatchObject([{ kind: 'started', note: { text: 'two', isSure: false } }]);
      });

      it('keeps a note beside an end', async () => {
        await claim(mine, ask(5));
        await marks.end([{ offset: 5, how: 'once', note: 'p-1' }]);
        expect(await claim(mine, ask(5))).toEqual([{ kind: 'done', how: 'once', starts: 1, note: { text: 'p-1', isSure: true } }]);
      });
    });

    it('keeps partitions and incarnations apart', async () => {
      await claim(mine, ask(5));
      for (const other of [
        { ...partition, partition: 4 },
        { ...partition, incarnation: randomUUID() },
      ]) {
        const theirs = harness.store.of(other);
        const identity = await theirs.identity();
        expect(await theirs.register({ number: 1, identity, offset: 0, settled: [], doubts: [] })).toBe('registered');
        expect(await theirs.claim({ number: 1, identity }, [ask(5)])).toMatchObject({ claims: [{ kind: 'granted' }] });
      }
    });

    it('holds offsets beyond 2^33 and a full batch', async () => {
      const base = 9_007_199_254_000_000;
      const claims = await claim(mine, ...Array.from({ length: 500 }, (_, i) => ask(base + i)));
      expect(claims.every(({ kind }) => kind === 'granted')).toBe(true);
      await marks.end([{ offset: base + 499, how: 'once' }]);
      expect(await claim(mine, ask(base + 499), ask(base + 498))).toMatchObject([{ kind: 'done' }, { kind: 'started' }]);
    });
  });
}
