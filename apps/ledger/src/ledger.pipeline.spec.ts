import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryRegistry, openCodec, RegistryError } from '#libs/contracts/src/index.js';
import { topicNames } from '#libs/domain/src/index.js';
import { MemoryLog, PartitionOwner, systemClock, type Clock, type RecordSource } from '#libs/kafka/src/index.js';
import { MemoryLedgerStore } from '#libs/ledger/src/ledger-store.memory.js';
import { fact, judged } from '#libs/ledger/src/testing/ledger-rows.builder.js';
import { StoreError } from '#libs/postgres/src/index.js';
import { project, type Room } from './ledger.pipeline.js';
import type { LedgerPorts } from './ledger.ports.js';

// Goal: each record of hf.events and hf.ledger is projected once, whatever fails on the way, and Kafka's offset never leads the store.
// Method: the real pipeline and owner over the log and the store in memory; time passes at once.
const names = topicNames();
const hasty: Clock = { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(1, signal) };
const running: RecordSource[] = [];

afterEach(async () => void (await Promise.all(running.splice(0).map((source) => source.stop()))));

async function world(over: Partial<LedgerPorts> = {}) {
  const log = new MemoryLog().createTopic(names.events).createTopic(names.ledger);
  const codec = await openCodec(new MemoryRegistry(), { register: true });
  const store = new MemoryLedgerStore();
  const waits: (string | null)[] = [];
  const lines: Parameters<LedgerPorts['telling']['projected']>[0][] = [];
  const ports: LedgerPorts = {
    owner: (partition) => new PartitionOwner(partition, { begin: 'earliest' }),
    codec,
    store,
    telling: {
      projected: (line) => void lines.push(line),
      passedOver: () => {},
      waiting: (_topic, _partition, error) => void waits.push(error?.message ?? null),
    },
    clock: hasty,
    ...over,
  };
  const sink = await log.process().sink();
  return {
    ...{ log, store, waits, lines },
    tell: (one: ReturnType<typeof fact>) =>
      sink.append([{ topic: names.ledger, key: one.id, value: codec.encode('Fact', one), headers: {} }]),
    raw: (value: Buffer | null) => sink.append([{ topic: names.ledger, key: 'x', value, headers: {} }]),
    committed: () => log.broker.committed('g', names.ledger, 0)?.offset ?? null,
    async start(room: Room = 'facts', with_: Partial<LedgerPorts> = {}) {
      const source = log.process().source({ group: 'g', topic: room === 'facts' ? names.ledger : names.events });
      running.push(source);
      await source.start(project(room, { ...ports, ...with_ }));
      return source;
    },
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const endsAt = Date.now() + 5_000; !isTrue();) {
    if (Date.now() > endsAt) throw new Error('waited for 5 s in vain');
    await systemClock.sleep(2);
  }
}

describe('ledger', () => {
  it('projects facts with their standings, and goes on where the store stands', async () => {
    const w = await world();
    await w.tell(judged());
    const first = await w.start();
    await until(() => w.store.facts.size === 1);
    await first.stop();
    await w.tell(fact({ fact: 'settled', verdict: 'delivered-once' }));
    await w.start();
    await until(() => w.store.facts.size === 2);
    expect([...w.store.facts.keys()]).toEqual(['hf.ledger/0/0', 'hf.ledger/0/1']);
    expect([...w.store.standings.values()].map(({ destination, verdict }) => [destination, verdict])).toEqual([
      ['', 'accepted'],
      ['portal', 'delivered-once'],
    ]);
    expect(w.lines.reduce((sum, { records }) => sum + records, 0)).toBe(2);
  });

  it('waits for a store that is away, loses nothing and repeats nothing', async () => {
    let isDown = true;
    const w = await world();
    const store = {
      progress: w.store.progress.bind(w.store),
      project: (projection: Parameters<typeof w.store.project>[0]) => {
        if (isDown) throw new StoreError('unavailable', 'Postgres is away');
        return w.store.project(projection);
      },
    };
    await w.tell(judged());
    await w.start('facts', { store });
    await until(() => w.waits.includes('Postgres is away'));
    expect(w.committed() ?? 0).toBe(0);
    isDown = false;
    await until(() => w.store.facts.size === 1);
    expect(w.waits.at(-1)).toBeNull();
  });

  it('a store whose answer is lost is asked where it stands, and no record stands twice', async () => {
    const w = await world();
    let lost = 1;
    const store = {
      progress: w.store.progress.bind(w.store),
      project: async (projection: Parameters<typeof w.store.project>[0]) => {
        const answer = await w.store.project(projection);
        if (lost-- > 0) throw new StoreError('unavailable', 'the answer is lost');
        return answer;
      },
    };
    await w.tell(judged());
    await w.tell(fact());
    await w.start('facts', { store });
    await until(() => w.store.facts.size === 2 && w.waits.at(-1) === null);
    await w.tell(fact({ id: 'evt-2' }));
    await until(() => w.store.facts.size === 3);
    expect(await w.store.progress(names.ledger, 0)).toBe(3);
  });

  it('begins anew when the store was emptied, and comes to the same', async () => {
    const w = await world();
    for (const one of [judged(), fact(), fact({ fact: 'settled', verdict: 'delivered-once', hop: 1 })]) await w.tell(one);
    await w.start();
    await until(() => w.store.facts.size === 3);
    const before = JSON.stringify([...w.store.standings.values()]);
    await w.store.reset();
    await w.tell(fact({ id: 'evt-2', eventposition: 'hf.events/0/8' }));
    await until(() => w.store.facts.size === 4);
    expect(JSON.stringify([...w.store.standings.values()].filter(({ id }) => id === 'evt-1'))).toBe(before);
  });

  it('passes over what nobody can read, and says how many', async () => {
    const w = await world();
    await w.raw(Buffer.from('not ours'));
    await w.raw(null);
    await w.tell(fact());
    await w.start();
    await until(() => w.store.facts.size === 1);
    expect(w.lines.reduce((sum, { unreadable }) => sum + unreadable, 0)).toBe(2);
  });

  it('waits for a registry that is away', async () => {
    const w = await world();
    let isDown = true;
    const codec = await openCodec(new MemoryRegistry(), { register: true });
    const decode: typeof codec.decode = (kind, bytes) => {
      if (isDown) return Promise.reject(new RegistryError('unreachable', 'the registry is away'));
      return codec.decode(kind, bytes);
    };
    await w.tell(fact());
    await w.start('facts', { codec: { decode } });
    await until(() => w.waits.includes('the registry is away'));
    isDown = false;
    await until(() => w.store.facts.size === 1);
  });
});
