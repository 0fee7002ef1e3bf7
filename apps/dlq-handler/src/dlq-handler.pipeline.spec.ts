import { describe, expect, it } from '@jest/globals';
import { topicNames, type Delivery, type HoldfastEvent } from '#libs/domain/src/index.js';
import { MemoryRegistry, openCodec, RegistryError } from '#libs/contracts/src/index.js';
import { MemoryLog, PartitionOwner, systemClock, type Clock, type OutRecord, type RecordSource } from '#libs/kafka/src/index.js';
import type { Entry } from './decide-entry.js';
import { MemoryDeadLetterStore } from './dead-letter-store.memory.js';
import { keepUnsettled, type Room } from './dlq-handler.pipeline.js';
import { StoreError } from '#libs/postgres/src/index.js';
import type { DlqHandlerPorts } from './dlq-handler.ports.js';
import { attempt, delivery, event } from './testing/entry.builder.js';

// Goal: each record of hf.dlq and hf.invalid is kept and told once, whatever fails on the way, and the offset never moves before.
// Method: the real pipeline and owner over the log in memory; time passes at once.
const names = topicNames();
const hasty: Clock = { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(1, signal) };

async function world(over: Partial<DlqHandlerPorts> = {}) {
  const log = new MemoryLog().createTopic(names.dlq).createTopic(names.invalid);
  const codec = await openCodec(new MemoryRegistry(), { register: true });
  const store = new MemoryDeadLetterStore();
  const told: Entry[] = [];
  const waits: (string | null)[] = [];
  const ports: DlqHandlerPorts = {
    owner: (partition) => new PartitionOwner(partition, { begin: 'own-topic' }),
    codec,
    store,
    telling: {
      stored: (entries) => void told.push(...entries),
      waiting: (_topic, _partition, error) => void waits.push(error?.message ?? null),
    },
    clock: hasty,
    ...over,
  };
  const sink = await log.process().sink();
  const append = (record: Partial<OutRecord> & Pick<OutRecord, 'topic' | 'value'>) =>
    sink.append([{ key: 'order-1', headers: {}, ...record }]);
  const sources: RecordSource[] = [];
  return {
    ...{ log, store, told, waits, ports, codec, append, sources },
    dead: (value: Delivery) => append({ topic: names.dlq, value: codec.encode('Delivery', value) }),
    invalid: (value: HoldfastEvent) => append({ topic: names.invalid, value: codec.encode('Event', value) }),
    committed: (room: Room = 'dlq') => log.broker.committed(`g.${room}`, names[room], 0)?.offset ?? null,
    async start(room: Room = 'dlq', with_: Partial<DlqHandlerPorts> = {}) {
      const process = log.process();
      const source = process.source({ group: `g.${room}`, topic: names[room] });
      sources.push(source);
      await source.start(keepUnsettled(room, { ...ports, ...with_ }));
      return process;
    },
    stop: () => Promise.all(sources.map((source) => source.stop())),
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const endsAt = Date.now() + 5_000; !isTrue();) {
    if (Date.now() > endsAt) throw new Error('waited for 5 s in vain');
    await systemClock.sleep(2);
  }
}

describe('dlq-handler', () => {
  it('keeps dead letters with body, history and signature, then commits', async () => {
    const w = await world();
    await w.start();
    await until(() => w.committed() === 0);
    const body = Buffer.from([0, 255, 123]);
    await w.dead(
      delivery({ event: event({ data: body }), history: [attempt(1, { class: 'transient', status: 503 }), attempt(2)], attempt: 2 }),
    );
    await until(() => w.committed() === 1);
    expect(w.told).toHaveLength(1);
    expect(w.told[0]).toMatchObject({
      kind: 'dead-letter',
      destination: 'portal',
      data: body,
      attempts: 2,
      status: 422,
      class: 'business',
      reason: 'rejected',
      offset: 0,
      correlationid: 'corr-0001',
    });
    expect(w.told[0]!.history).toHaveLength(2);
    expect(w.told[0]!.incarnation).not.toBe('');
    await w.stop();
  });

  it('keeps invalid events with their faults', async () => {
    const w = await world();
    await w.start('invalid');
    await until(() => w.committed('invalid') === 0);
    await w.invalid(event({ type: '', faults: [{ pointer: '/type', code: 'missing', message: 'no type' }] }));
    await until(() => w.committed('invalid') === 1);
    expect(w.store.entries[0]).toMatchObject({
      kind: 'invalid',
      source: 'erp',
      type: '',
      reason: 'no type',
      destination: null,
      delivery: null,
    });
    await w.stop();
  });

  it('keeps what it cannot read raw, with what the headers say, and goes on', async () => {
    const w = await world();
    await w.start();
    await until(() => w.committed() === 0);
    const headers = { ce_id: 'evt-9', ce_type: 'push', ce_source: 'github', 'correlation-id': 'corr-0009' };
    await w.append({ topic: names.dlq, value: Buffer.from('no avro'), headers });
    await w.append({ topic: names.dlq, value: null });
    await w.dead(delivery());
    await until(() => w.committed() === 3);
    expect(w.store.entries.map((each) => each.kind)).toEqual(['unreadable', 'unreadable', 'dead-letter']);
    expect(w.store.entries[0]).toMatchObject({
      raw: Buffer.from('no avro'),
      eventid: 'evt-9',
      type: 'push',
      source: 'github',
      correlationid: 'corr-0009',
    });
    await w.stop();
  });

  it('keeps and tells once across a crash between the store and the commit', async () => {
    const w = await world();
    const hangs = {
      acquire: async () => ({ incarnation: 'inc', number: 1, offset: 0, settled: [], redisIdentity: null, beside: null }),
      settle: () => new Promise<void>(() => {}),
      prove: async () => {},
      current: () => {
        throw new RangeError('not asked');
      },
    };
    const first = await w.start('dlq', {
      owner: (partition) => {
        const real = new PartitionOwner(partition, { begin: 'own-topic' });
        return { ...hangs, acquire: () => real.acquire() };
      },
    });
    await until(() => w.committed() === 0);
    await w.dead(delivery());
    await until(() => w.store.entries.length === 1);
    expect(w.committed()).toBe(0);
    first.crash();
    w.sources.shift(); // It is dead: nobody can stop it.
    await w.start();
    await until(() => w.committed() === 1);
    expect([w.store.entries.length, w.told.length]).toEqual([1, 1]);
    await w.stop();
  });

  it('waits for a store that is down, says so, loses nothing and tells nothing twice', async () => {
    const w = await world();
    let isDown = true;
    const store = {
      depths: w.store.depths.bind(w.store),
      insert: async (entries: readonly Entry[]) => {
        if (isDown) throw new StoreError('unavailable', 'Postgres is away');
        return w.store.insert(entries);
      },
    };
    await w.start('dlq', { store });
    await until(() => w.committed() === 0);
    await w.dead(delivery());
    await until(() => w.waits.filter((each) => each === 'Postgres is away').length >= 3);
    expect([w.committed(), w.store.entries.length]).toEqual([0, 0]);
    isDown = false;
    await until(() => w.committed() === 1);
    expect(w.waits.at(-1)).toBeNull();
    expect(w.told).toHaveLength(1);
    await w.stop();
  });

  it('waits for a registry that is away instead of calling records unreadable', async () => {
    const w = await world();
    let isDown = true;
    const decode: typeof w.codec.decode = (kind, bytes) =>
      isDown ? Promise.reject(new RegistryError('unreachable', 'no registry')) : w.codec.decode(kind, bytes);
    await w.start('dlq', { codec: { decode } });
    await until(() => w.committed() === 0);
    await w.dead(delivery());
    await until(() => w.waits.includes('no registry'));
    isDown = false;
    await until(() => w.committed() === 1);
    expect(w.store.entries[0]!.kind).toBe('dead-letter');
    await w.stop();
  });

  it('holds a partition whose offset is missing, says so, and goes on when somebody commits the right one', async () => {
    const w = await world();
    await w.dead(delivery());
    await w.start();
    await until(() => w.waits.some((each) => each?.includes('no committed offset')));
    expect(w.store.entries).toEqual([]);
    w.log.broker.setCommitted({ group: 'g.dlq', topic: names.dlq, partition: 0, offset: 0, metadata: '' });
    await until(() => w.committed() === 1);
    expect(w.store.entries).toHaveLength(1);
    await w.stop();
  });

  it('leaves at once when it is revoked while it waits', async () => {
    const w = await world();
    await w.start('dlq', {
      store: { depths: async () => [], insert: () => Promise.reject(new StoreError('unavailable', 'away')) },
      clock: systemClock,
    });
    await until(() => w.committed() === 0);
    await w.dead(delivery());
    await until(() => w.waits.length > 0);
    const startedAt = performance.now();
    await w.stop();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(w.committed()).toBe(0);
  });
});
