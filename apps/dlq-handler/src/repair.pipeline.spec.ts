import { describe, expect, it } from '@jest/globals';
import { LogError, PartitionOwner } from '#libs/kafka/src/index.js';
import { StoreError } from '#libs/postgres/src/index.js';
import { repairWorld } from './testing/repair.world.js';

// Goal: an operation sends what it may, when it may, and says what it did.
// Method: the real pipeline and owner over the log in memory; a clock that the test moves; a partner that the test scripts.
const row = (w: ReturnType<typeof repairWorld>, id = 'op') => w.store.rows.get(id);

describe('a requeue', () => {
  it('sends one, then five, then a ramp, each after the answers to the one before', async () => {
    let mayAnswer = 0;
    const w = repairWorld((_, nth) => (nth < mayAnswer ? 'delivered' : null));
    w.command({ ids: w.dead(40) });
    await w.start();
    const steps: number[] = [];
    for (let n = 0; n < 6; n++) {
      await w.until(() => false, 50, 20);
      steps.push(w.queue().length);
      mayAnswer = w.queue().length;
    }
    expect(steps).toEqual([1, 6, 16, 32, 40, 40]);
    expect(row(w)).toMatchObject({ phase: 'done', total: 40, sent: 40, delivered: 40, failed: 0, why: null });
    expect([...w.store.states.values()].filter((state) => state === 'requeued')).toHaveLength(40);
  });

  it('goes on with the same hop rule and key as its failure asks for, and says by whom', async () => {
    const w = repairWorld();
    w.command({
      ids: [...w.dead(1), ...w.dead(1, { id: 'doubt', doubtful: true, quietat: 5, doubtsince: 3, firstattemptat: 2, generation: 4 })],
    });
    await w.start();
    await w.until(() => row(w)?.phase === 'done');
    const [definite, doubtful] = w.queue();
    expect(definite).toMatchObject({
      hop: 3,
      attempt: 0,
      generation: 1,
      operation: 'op',
      reason: null,
      doubtful: false,
      firstattemptat: null,
    });
    expect(definite!.history).toHaveLength(1);
    expect(doubtful).toMatchObject({
      hop: 3,
      generation: 4,
      doubtful: true,
      quietat: 5,
      doubtsince: 3,
      firstattemptat: 2,
      maybetwice: false,
    });
    const [fact] = w.facts().filter((one) => one.fact === 'requeued');
    expect(fact).toMatchObject({ by: 'ann', reason: 'mended', hop: 2, position: 's.dlq/0/0', destination: 'portal', app: 'dlq-handler' });
  });

  it('stops when a canary fails, and leaves the rest open', async () => {
    const w = repairWorld((_, nth) => (nth === 3 ? 'dead-lettered' : 'delivered'));
    w.command({ ids: w.dead(30) });
    await w.start();
    expect(await w.until(() => row(w)?.phase === 'stopped')).toBe(true);
    expect(row(w)).toMatchObject({ sent: 6, failed: 1, why: '1 of 6 canaries failed' });
    await w.until(() => false, 50, 20);
    expect(w.queue()).toHaveLength(6);
    expect(w.store.states.size).toBe(6);
  });

  it('stops when the breaker opens, before it sends anything more', async () => {
    const w = repairWorld();
    w.openBreakers.add('portal');
    w.command({ ids: w.dead(3) });
    await w.start();
    expect(await w.until(() => row(w)?.phase === 'stopped')).toBe(true);
    expect([row(w)!.why, w.queue().length]).toEqual(['the breaker of portal is open', 0]);
  });

  it('does nothing about what has left, what is gone, what is no dead letter, and what has no destination any more', async () => {
    const w = repairWorld();
    const [one] = w.dead(1);
    const [strange] = w.dead(1, { destination: 'closed' });
    w.command({ id: 'first', ids: [one!] });
    await w.start();
    await w.until(() => row(w, 'first')?.phase === 'done');
    w.command({ ids: [one!, one!, 'dlq-0-99', 'nonsense', 'invalid-0-0', strange!] });
    await w.until(() => row(w)?.phase === 'done');
    expect(w.queue()).toHaveLength(1);
    expect(row(w)!.sent).toBe(0);
    expect(row(w)!.why).toContain('2 stayed: had left before');
    expect(row(w)!.why).toContain('2 stayed: is no longer in the log');
    expect(row(w)!.why).toContain('1 stayed: has a destination that is no longer configured');
  });

  it('does nothing about what left before this owner came, long ago', async () => {
    const w = repairWorld();
    const ids = w.dead(2);
    w.command({ id: 'first', ids });
    const before = await w.start();
    await w.until(() => row(w, 'first')?.phase === 'done');
    await w.until(() => (w.committed() ?? 0) > w.log.records(w.topics.commands).at(-1)!.offset);
    before.crash();
    await w.start();
    w.command({ id: 'later', ids });
    expect(await w.until(() => row(w, 'later')?.phase === 'done')).toBe(true);
    expect([w.queue().length, row(w, 'later')!.why]).toEqual([2, '2 stayed: had left before']);
  });

  it('takes what fits into one transaction, and leaves what never fits', async () => {
    const w = repairWorld();
    w.command({ ids: w.dead(6) });
    await w.start(undefined, {
      owner: (log) => {
        const real = new PartitionOwner(log, { begin: 'earliest' });
        return {
          acquire: () => real.acquire(),
          prove: () => real.prove(),
          current: () => real.current(),
          settle: async (settlement) => {
            const deliveries = settlement.records.filter(({ topic }) => topic.includes('deliveries'));
            if (deliveries.length > 1 || deliveries.some(({ key }) => key === 'order-2')) throw new LogError('too-large', 'too large');
            return real.settle(settlement);
          },
        };
      },
    });
    expect(await w.until(() => row(w)?.phase === 'done')).toBe(true);
    expect(row(w)).toMatchObject({ sent: 5, delivered: 5, why: '1 stayed: is too large' });
  });

  it('is aborted by an operator, and one of which a part never comes ends', async () => {
    const w = repairWorld(() => null);
    w.command({ ids: w.dead(9) });
    w.command({ id: 'torn', ids: w.dead(1), detail: { part: '1', parts: '2', total: '2' } });
    await w.start();
    await w.until(() => w.queue().length === 1);
    w.command({ id: 'stop', kind: 'abort', by: 'bob', ids: ['op'] });
    expect(await w.until(() => row(w)?.phase === 'aborted')).toBe(true);
    expect(row(w)).toMatchObject({ sent: 1, why: 'aborted by bob' });
    expect(row(w, 'torn')).toMatchObject({ phase: 'preview', total: 2 });
    expect(await w.until(() => row(w, 'torn')?.phase === 'aborted', 1_000, 100)).toBe(true);
    expect(w.queue()).toHaveLength(1);
  });

  it('waits for Postgres, and decides the same without it', async () => {
    const w = repairWorld();
    w.command({ ids: w.dead(2) });
    let isAway = true;
    const real = w.store;
    const away = async () => {
      if (isAway) throw new StoreError('unavailable', 'away');
    };
    await w.start(undefined, {
      store: {
        keep: (one) => away().then(() => real.keep(one)),
        mark: (places, state) => away().then(() => real.mark(places, state)),
        find: (position, destination) => away().then(() => real.find(position, destination)),
      },
    });
    await w.until(() => false, 100, 20);
    expect(w.queue()).toHaveLength(1);
    isAway = false;
    expect(await w.until(() => row(w)?.phase === 'done', 1_000)).toBe(true);
    expect([w.queue().length, w.store.states.size]).toEqual([2, 2]);
  });
});

describe("an operator's word on an event at a destination", () => {
  it('settles it as delivered, by proof, with who and why', async () => {
    const w = repairWorld();
    w.dead(1);
    w.command({ kind: 'resolve', destination: 'portal', ids: ['s.events/0/0'], detail: { as: 'delivered' } });
    await w.start();
    await w.until(() => row(w)?.phase === 'done');
    expect(w.facts()).toMatchObject([
      { fact: 'settled', verdict: 'delivered-once-by-proof', by: 'ann', reason: 'mended', destination: 'portal' },
    ]);
    expect([w.queue().length, w.store.states.get('dlq-0-0')]).toEqual([0, 'resolved']);
  });

  it('sends a doubtful one again under the same key, and lets a success say that it may be the second', async () => {
    const w = repairWorld();
    w.dead(1, { doubtful: true, quietat: 9, doubtsince: 3, generation: 2 });
    w.command({ kind: 'resolve', destination: 'portal', ids: ['s.events/0/0'], detail: { as: 'resend' } });
    await w.start();
    await w.until(() => row(w)?.phase === 'done');
    expect(w.queue()).toMatchObject([{ generation: 2, doubtful: false, quietat: null, doubtsince: null, maybetwice: true }]);
  });

  it('says that there is nothing open', async () => {
    const w = repairWorld();
    w.command({ kind: 'resolve', destination: 'portal', ids: ['s.events/0/5'], detail: { as: 'discard' } });
    await w.start();
    await w.until(() => row(w)?.phase === 'done');
    expect(row(w)!.why).toBe('1 stayed: has no open dead letter there');
  });
});
