import { describe, expect, it } from '@jest/globals';
import type { DeadLetterPlace } from '#libs/domain/src/index.js';
import type { OperationRow, OperationStore } from '../repair.ports.js';

export type OperationStoreUnderTest = Readonly<{
  store: OperationStore;
  /** A dead letter of `hf.events/0/7` at `portal` comes to rest. */
  add(place: DeadLetterPlace, hop: number): Promise<void>;
  /** States by id, what is open left out; and the rows of operations. */
  look(): Promise<Readonly<{ states: Readonly<Record<string, string>>; rows: readonly OperationRow[] }>>;
}>;

export const operationRow = (over: Partial<OperationRow> = {}): OperationRow => ({
  ...{ id: 'op-1', kind: 'requeue', phase: 'canary', by: 'ann', reason: 'mended', at: 1_700_000_000_000 },
  ...{ total: 3, sent: 1, delivered: 0, failed: 0, why: null },
  ...over,
});

const at = (offset: number, partition = 0): DeadLetterPlace => ({ room: 'dlq', partition, offset });

/** What every OperationStore owes its callers; memory and Postgres pass it unchanged. */
export function operationStoreContract(name: string, open: () => Promise<OperationStoreUnderTest>): void {
  describe(`OperationStore contract: ${name}`, () => {
    it('keeps the last word on an operation', async () => {
      const { store, look } = await open();
      await store.keep(operationRow());
      await store.keep(operationRow({ id: 'op-2' }));
      await store.keep(operationRow({ phase: 'done', sent: 3, delivered: 2, failed: 1, why: '1 failed again' }));
      const { rows } = await look();
      expect([...rows].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
        operationRow({ phase: 'done', sent: 3, delivered: 2, failed: 1, why: '1 failed again' }),
        operationRow({ id: 'op-2' }),
      ]);
    });

    it('marks what is open, and leaves what has left or never stood there', async () => {
      const { store, add, look } = await open();
      await add(at(1), 0);
      await add(at(2), 1);
      await store.mark([at(1), at(9)], 'requeued');
      await store.mark([at(1), at(2)], 'discarded');
      await store.mark([], 'discarded');
      expect((await look()).states).toEqual({ 'dlq-0-1': 'requeued', 'dlq-0-2': 'discarded' });
    });

    it('finds the dead letters of an event at a destination, the last hop first', async () => {
      const { store, add } = await open();
      await add(at(4), 1);
      await add(at(2, 1), 2);
      expect(await store.find('hf.events/0/7', 'portal')).toEqual(['dlq-1-2', 'dlq-0-4']);
      expect(await store.find('hf.events/0/7', 'archive')).toEqual([]);
      expect(await store.find('hf.events/0/8', 'portal')).toEqual([]);
    });
  });
}
