import { describe, expect, it } from '@jest/globals';
import type { LedgerStore, Projection } from '../ledger-store.port.js';
import { foldStandings, type Standing } from '../standing.fold.js';
import { eventRow, fact, factRow, judged } from './ledger-rows.builder.js';

export type OpenedStore = Readonly<{
  store: LedgerStore & { reset(): Promise<void> };
  /** What stands, for the comparison: positions of rows, and standings. */
  look(): Promise<Readonly<{ events: string[]; facts: string[]; standings: Standing[] }>>;
}>;

const nothing = { topic: 'hf.ledger', partition: 0, from: null, next: 0, events: [], facts: [], standings: [] } as const;
const projection = (over: Partial<Projection>): Projection => ({ ...nothing, ...over });

/** What every LedgerStore owes its callers; memory and Postgres pass it unchanged. */
export function ledgerStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`LedgerStore contract: ${name}`, () => {
    it('knows nothing at first, and then where each partition goes on', async () => {
      const { store } = await open();
      expect(await store.progress('hf.ledger', 0)).toBeNull();
      expect(await store.project(projection({ next: 4 }))).toBe('stored');
      expect(await store.progress('hf.ledger', 0)).toBe(4);
      expect(await store.progress('hf.ledger', 1)).toBeNull();
      expect(await store.progress('hf.events', 0)).toBeNull();
      expect(await store.project(projection({ from: 4, next: 9 }))).toBe('stored');
      expect(await store.progress('hf.ledger', 0)).toBe(9);
    });

    it('writes nothing for a projector that does not go on where the store stands', async () => {
      const { store, look } = await open();
      await store.project(projection({ next: 5, facts: [factRow(4)] }));
      expect(await store.project(projection({ next: 7, facts: [factRow(6)] }))).toBe('moved');
      expect(await store.project(projection({ from: 4, next: 7, facts: [factRow(6)], events: [eventRow(1)] }))).toBe('moved');
      expect(await look()).toMatchObject({ facts: ['hf.ledger/0/4'], events: [] });
      expect(await store.progress('hf.ledger', 0)).toBe(5);
    });

    it('of two projectors that go on at once one is told that it moved', async () => {
      const { store, look } = await open();
      await store.project(projection({ next: 1 }));
      const both = await Promise.all([2, 3].map((next) => store.project(projection({ from: 1, next, facts: [factRow(next)] }))));
      expect([...both].sort()).toEqual(['moved', 'stored']);
      expect((await look()).facts).toHaveLength(1);
    });

    it('keeps events and facts of several days', async () => {
      const { store, look } = await open();
      const day = 86_400_000;
      const events = [
        eventRow(1),
        eventRow(2, { appendedat: Date.UTC(2026, 1, 1) - 1 }),
        eventRow(3, { appendedat: Date.UTC(2026, 1, 1) }),
      ];
      await store.project(projection({ topic: 'hf.events', next: 4, events }));
      await store.project(projection({ next: 2, facts: [factRow(0), factRow(1, { appendedat: Date.UTC(2026, 10, 22) - day })] }));
      expect(await look()).toMatchObject({
        events: ['hf.events/0/1', 'hf.events/0/2', 'hf.events/0/3'],
        facts: ['hf.ledger/0/0', 'hf.ledger/0/1'],
      });
    });

    it('takes texts that a database does not: NUL and half a surrogate pair', async () => {
      const { store, look } = await open();
      await store.project(projection({ topic: 'hf.events', next: 2, events: [eventRow(1, { id: 'a\0b', entity: '\ud800' })] }));
      expect((await look()).events).toEqual(['hf.events/0/1']);
    });

    it('keeps the later word, whatever order facts come in', async () => {
      const facts = [
        judged(),
        fact({ at: judged().at + 1 }),
        fact({
          hop: 1,
          at: judged().at + 2,
          fact: 'dead-lettered',
          position: 'hf.deliveries.portal/0/4',
          class: 'business',
          reason: 'rejected',
        }),
      ];
      for (const order of [facts, [...facts].reverse()]) {
        const { store, look } = await open();
        let from: number | null = null;
        for (const [index, one] of order.entries()) {
          await store.project(projection({ from, next: index + 1, standings: foldStandings([one]) }));
          from = index + 1;
        }
        const standings = (await look()).standings.sort((a, b) => (a.destination < b.destination ? -1 : 1));
        expect(standings).toEqual(foldStandings(facts).sort((a, b) => (a.destination < b.destination ? -1 : 1)));
        expect(standings.map(({ destination, verdict }) => [destination, verdict])).toEqual([
          ['', 'accepted'],
          ['portal', 'dead-lettered'],
        ]);
      }
    });

    it('settled as delivered at two positions is delivered-maybe-twice, in any order and again', async () => {
      const [one, two] = ['3', '4'].map((offset, at) =>
        fact({ fact: 'settled', verdict: 'delivered-once', position: `hf.deliveries.portal/0/${offset}`, hop: at, at: judged().at + at }),
      ) as [ReturnType<typeof fact>, ReturnType<typeof fact>];
      for (const order of [
        [one, one],
        [one, two],
        [two, one],
        [two, one, two, one],
      ]) {
        const { store, look } = await open();
        for (const [index, each] of order.entries())
          await store.project(projection({ from: index === 0 ? null : index, next: index + 1, standings: foldStandings([each]) }));
        const verdict = order.includes(two) ? 'delivered-maybe-twice' : 'delivered-once';
        expect((await look()).standings).toMatchObject([{ verdict }]);
      }
    });

    it('begins anew after a reset', async () => {
      const { store, look } = await open();
      await store.project(projection({ next: 5, facts: [factRow(4)], standings: foldStandings([fact()]) }));
      await store.reset();
      expect(await look()).toEqual({ events: [], facts: [], standings: [] });
      expect(await store.progress('hf.ledger', 0)).toBeNull();
      expect(await store.project(projection({ from: 5, next: 6 }))).toBe('moved');
      expect(await store.project(projection({ next: 5, facts: [factRow(4)] }))).toBe('stored');
    });
  });
}
