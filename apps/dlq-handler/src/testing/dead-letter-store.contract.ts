import { describe, expect, it } from '@jest/globals';
import type { DeadLetterStore } from '../dlq-handler.ports.js';
import { entry } from './entry.builder.js';

/** What every DeadLetterStore owes its callers; memory and Postgres pass it unchanged. */
export function deadLetterStoreContract(name: string, open: () => Promise<DeadLetterStore>): void {
  describe(`DeadLetterStore contract: ${name}`, () => {
    it('keeps an entry once by its position, and says which were new', async () => {
      const store = await open();
      const one = entry({ delivery: null, offset: 1 });
      const two = entry({ delivery: null, offset: 2 });
      expect((await store.insert([one])).map(({ offset }) => offset)).toEqual([1]);
      expect((await store.insert([one, two])).map(({ offset }) => offset)).toEqual([2]);
      expect(await store.insert([one, two])).toEqual([]);
      expect(await store.insert([])).toEqual([]);
    });

    it('keeps one of two equal entries in one call', async () => {
      const store = await open();
      expect(await store.insert([entry(), entry({ offset: 1 })])).toHaveLength(1);
    });

    it('takes the same offset of another incarnation, partition or topic for another record', async () => {
      const store = await open();
      const others = [entry(), entry({ incarnation: 'inc-2' }), entry({ partition: 1 }), entry({ topic: 'hf.invalid' })];
      expect(await store.insert(others.map((each) => ({ ...each, delivery: null })))).toHaveLength(4);
    });

    it('keeps a delivery once a hop and operation, wherever it stands', async () => {
      const store = await open();
      await store.insert([entry()]);
      expect(await store.insert([entry({ offset: 9 })])).toEqual([]);
      expect(await store.insert([entry({ offset: 10, hop: 2 })])).toHaveLength(1);
      expect(await store.insert([entry({ offset: 11, operation: 'replay-1' })])).toHaveLength(1);
    });

    it('counts what is open by kind, place and type', async () => {
      const store = await open();
      expect(await store.depths()).toEqual([]);
      await store.insert([
        entry(),
        entry({ offset: 1, hop: 2 }),
        entry({ offset: 2, hop: 3, destination: 'audit' }),
        entry({ offset: 3, kind: 'invalid', delivery: null, destination: null, type: '' }),
      ]);
      const depths = [...(await store.depths())].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      expect(depths).toEqual([
        { kind: 'dead-letter', place: 'audit', type: 'order.updated', count: 1 },
        { kind: 'dead-letter', place: 'portal', type: 'order.updated', count: 2 },
        { kind: 'invalid', place: 'erp', type: '', count: 1 },
      ]);
    });
  });
}
