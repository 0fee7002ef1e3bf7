import { afterEach, describe, expect, it } from '@jest/globals';
import type { HoldfastEvent } from '#libs/domain/src/index.js';
import { MemorySeenState, MemorySeenStore, StoreUnavailableError, type SeenStore } from '#libs/identity/src/index.js';
import { RegistryError } from '#libs/contracts/src/index.js';
import { LogError, MemoryLog, type Clock, type OutRecord } from '#libs/kafka/src/index.js';
import { createDedupeProcess, type DedupeProcess } from './dedupe.process.js';
import type { DedupeConfig, DedupeNews } from './dedupe.ports.js';
import {
  eventRecord,
  factWords,
  memoryCodec,
  readDelivery,
  readEvent,
  readFact,
  route,
  testConfig,
  testEvent,
} from './testing/dedupe.world.js';

// Goal: the pipeline's promises on the memory log: one verdict a position, the offset with it, and nothing lost by any broken part.
const codec = await memoryCodec();

/** Sleeps end at once in real time and move the clock. */
function quickClock(): Clock & { nowMs(): number; elapse(ms: number): void } {
  let now = 1_700_000_000_000;
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    elapse: (ms) => void (now += ms),
    sleep: async (ms, signal) => {
      if (signal?.aborted) return;
      now += ms;
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

type Options = {
  config?: Partial<DedupeConfig>;
  seen?: (state: MemorySeenState) => SeenStore;
  limits?: ConstructorParameters<typeof MemoryLog>[0];
};

function world(options: Options = {}) {
  const clock = quickClock();
  const log = new MemoryLog({ clock, ...options.limits });
  const config = testConfig('t.', options.config);
  const { topics } = config;
  for (const topic of [topics.events, topics.ledger, topics.invalid, topics.deliveries('portal'), topics.deliveries('crm')])
    log.createTopic(topic);
  // As `topics apply` does it.
  log.broker.setCommitted({ group: 't.dedupe', topic: topics.events, partition: 0, offset: 0, metadata: '' });
  const state = new MemorySeenState(() => clock.nowMs());
  const news: DedupeNews[] = [];
  const start = (name = 'a', over: { codec?: typeof codec; seen?: SeenStore } = {}) => {
    const cluster = log.process(undefined, name);
    const seen = over.seen ?? options.seen?.(state) ?? new MemorySeenStore(state);
    const dedupe = createDedupeProcess({
      cluster,
      seen,
      codec: over.codec ?? codec,
      clock,
      config,
      prefix: 't.',
      tell: (one) => void news.push(one),
    });
    running.push(dedupe);
    return { cluster, dedupe, started: dedupe.start() };
  };
  const append = (records: OutRecord[]) => log.broker.write(records, null);
  const send = (...events: Partial<HoldfastEvent & { key: string }>[]) =>
    append(events.map((one) => eventRecord(codec, topics.events, testEvent(one))));
  const facts = () => log.records(topics.ledger).map((record) => readFact(codec, record));
  const verdicts = () => facts().map(factWords);
  const committed = () => log.broker.committed('t.dedupe', topics.events, 0)?.offset ?? 0;
  const until = async (what: () => boolean) => {
    for (let n = 0; !what(); n++) {
      if (n > 2_000) throw new Error(`never came: ${what}; ${JSON.stringify(verdicts())}; ${JSON.stringify(news.slice(-5))}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const settledTo = (offset: number) => until(() => committed() >= offset);
  return { log, clock, config, topics, state, news, start, append, send, facts, verdicts, committed, until, settledTo };
}

const running: DedupeProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

describe('dedupe pipeline', () => {
  it('writes one fact per event, a delivery per destination, and the offset with them', async () => {
    const w = world({ config: { routes: [route(), route({ to: 'crm', types: ['order.*'] })] } });
    w.send({ id: 'a' }, { id: 'b', type: 'user.created' }, { id: 'c', key: 'a' });
    const { dedupe } = w.start();
    await w.settledTo(3);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal crm', '1 accepted → portal', '2 duplicate of 0']);
    const [first] = w.log.records(w.topics.deliveries('portal'));
    const delivery = readDelivery(codec, first!);
    expect(delivery).toMatchObject({ destination: 'portal', eventposition: 't.events/0/0', attempt: 0, hop: 0, ordering: 'unordered' });
    expect(delivery.event).toMatchObject({ id: 'a', subject: 'order-1', data: Buffer.from('{"a":1}') });
    expect(String(first!.key)).toBe('order-1');
    expect(Object.fromEntries(Object.entries(first!.headers).map(([name, value]) => [name, String(value)]))).toEqual({
      ce_id: 'a',
      ce_type: 'order.updated',
      ce_source: 'shop',
      'correlation-id': 'c-a',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(new Set(w.log.records(w.topics.deliveries('portal')).map((one) => readDelivery(codec, one).id)).size).toBe(2);
  });

  it('keeps what no route takes in the ledger, and parks what is invalid', async () => {
    const w = world();
    const faults = [{ pointer: '', code: 'not-json', message: 'the body is not JSON' }];
    w.send({ id: 'a', source: 'nobody' }, { id: 'b', faults }, { id: 'c', type: '' }, { id: 'b2', key: 'b' });
    const { dedupe } = w.start();
    await w.settledTo(4);
    await dedupe.stop();
    // An invalid event claims nothing: the mended copy under its key goes out.
    expect(w.verdicts()).toEqual(['0 unrouted', '1 invalid', '2 invalid', '3 accepted → portal']);
    const parked = w.log.records(w.topics.invalid);
    expect(parked.map((one) => readEvent(codec, one).faults.map(({ code }) => code))).toEqual([['not-json'], ['missing-type']]);
    expect(parked.map((one) => String(one.headers['hf-position']))).toEqual(['t.events/0/1', 't.events/0/2']);
    expect(parked[0]!.value).toEqual(w.log.records(w.topics.events)[1]!.value);
    expect(w.facts()[1]).toMatchObject({ faults, reason: 'parked in t.invalid: not-json', id: 'b' });
  });

  it.each([
    ['rubbish', Buffer.from('not avro at all'), 'bad-magic'],
    ['an unknown schema', Buffer.from([0, 0, 0, 9, 9, 1, 2, 3]), 'unknown-schema'],
    ['a truncated record', codec.encode('Event', testEvent()).subarray(0, 20), 'truncated'],
    ['no value', null, 'truncated'],
  ])('parks %s with its bytes and position, and goes on', async (_, value, code) => {
    const w = world();
    w.append([{ topic: w.topics.events, key: 'k', value, headers: { ce_id: 'x', ce_source: 'shop' } }]);
    w.send({ id: 'a' });
    const { dedupe } = w.start();
    await w.settledTo(2);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 invalid', '1 accepted → portal']);
    const event = readEvent(codec, w.log.records(w.topics.invalid)[0]!);
    expect(event).toMatchObject({ id: 'x', source: 'shop', origin: 't.events/0/0', data: value ?? Buffer.alloc(0) });
    expect(event.faults.map((fault) => fault.code)).toEqual([code]);
  });

  it('supersedes on latest-wins routes only, and says by which position', async () => {
    const w = world({ config: { routes: [route({ ordering: 'latest-wins' }), route({ to: 'crm', types: ['order.paid'] })] } });
    w.send(
      { id: 'a', revision: '2' },
      { id: 'b', revision: '1' },
      { id: 'c', revision: '10' },
      { id: 'd', revision: '9', subject: 'order-2' },
    );
    w.send({ id: 'e', type: 'order.paid', revision: '5' }, { id: 'f', type: 'order.paid', revision: '4' }, { id: 'g', revision: null });
    const { dedupe } = w.start();
    await w.settledTo(7);
    await dedupe.stop();
    expect(w.verdicts()).toEqual([
      '0 accepted → portal',
      '1 superseded by 0',
      '2 accepted → portal',
      '3 accepted → portal',
      '4 accepted → portal crm',
      '5 accepted by 4 → crm',
      '6 accepted → portal',
    ]);
    expect(w.facts()[5]!.reason).toBe('a newer revision was accepted before: not for portal');
  });

  it('waits while Redis is away, says so, and loses nothing', async () => {
    let away = 5;
    const w = world({
      seen: (state) => {
        const store = new MemorySeenStore(state);
        return {
          claim: async (batch) =>
            away-- > 0 ? Promise.reject(new StoreUnavailableError('not-connected', 'redis: not connected')) : store.claim(batch),
        };
      },
    });
    w.send({ id: 'a' }, { id: 'b', key: 'a' });
    const { dedupe } = w.start();
    await w.settledTo(2);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal', '1 duplicate of 0']);
    const waits = w.news.flatMap((one) => (one.kind === 'waiting' ? [one.afterMs] : []));
    expect(waits).toEqual([50, 100, 200, 400, 800]);
    expect(w.news.some((one) => one.kind === 'going-on')).toBe(true);
  });

  it('waits for the registry rather than to call a record unreadable', async () => {
    const w = world();
    let away = 3;
    const fresh = await memoryCodec();
    const waiting = {
      ...codec,
      encode: codec.encode.bind(codec),
      decodeSync: ((kind, bytes) =>
        away > 0 ? { ok: false, code: 'need-schema', schemaId: 1 } : fresh.decodeSync(kind, bytes)) as typeof codec.decodeSync,
      learn: async () => (away-- > 1 ? Promise.reject(new RegistryError('unreachable', 'registry: connection refused')) : true),
    } as typeof codec;
    w.send({ id: 'a' });
    const { dedupe } = w.start('a', { codec: waiting });
    await w.settledTo(1);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal']);
  });

  it('finds that Redis forgot in mid-load, judges the missing range again, and lets no duplicate pass', async () => {
    const w = world({ config: { batchMaxRecords: 7 } });
    const sendMany = (from: number, count: number) =>
      w.send(...Array.from({ length: count }, (_, n) => ({ id: `e${from + n}`, key: `k${(from + n) % 40}` })));
    sendMany(0, 60);
    const { dedupe } = w.start();
    await w.settledTo(60);
    w.state.wipe();
    sendMany(60, 60);
    await w.settledTo(120);
    await dedupe.stop();
    const verdicts = w.verdicts();
    expect(verdicts.filter((one) => one.includes('accepted'))).toHaveLength(40);
    expect(verdicts[119]).toBe('119 duplicate of 39');
    expect(w.news.filter((one) => one.kind === 'rebuilt')).toMatchObject([{ from: 0, upTo: 60 }]);
  });

  it('rebuilds from a snapshot only what is missing', async () => {
    const w = world({ config: { batchMaxRecords: 5 } });
    w.send(...Array.from({ length: 10 }, (_, n) => ({ id: `e${n}` })));
    const { dedupe } = w.start();
    await w.settledTo(10);
    const snapshot = w.state.snapshot();
    w.send(...Array.from({ length: 10 }, (_, n) => ({ id: `f${n}` })));
    await w.settledTo(20);
    w.state.fallBack(snapshot);
    w.send({ id: 'again', key: 'f9' });
    await w.settledTo(21);
    await dedupe.stop();
    expect(w.news.filter((one) => one.kind === 'rebuilt')).toMatchObject([{ from: 10, upTo: 20 }]);
    expect(w.verdicts().at(-1)).toBe('20 duplicate of 19');
  });

  it('begins a rebuild where a key can still matter: at the window, and behind what retention took', async () => {
    const w = world({ config: { windowMs: () => 600_000, windowMaxMs: 600_000, slackMs: 1_000 } });
    w.send({ id: 'old' });
    w.clock.elapse(10_000_000);
    w.send({ id: 'a' }, { id: 'b' });
    w.clock.elapse(100_000);
    const { dedupe } = w.start();
    await w.settledTo(3);
    w.state.wipe();
    w.send({ id: 'c', key: 'b' }, { id: 'd', key: 'old' });
    await w.settledTo(5);
    w.state.wipe();
    w.log.trim(w.topics.events, 0, 3);
    w.send({ id: 'e', key: 'old' }, { id: 'f', key: 'b' });
    await w.settledTo(7);
    await dedupe.stop();
    expect(w.news.filter((one) => one.kind === 'rebuilt')).toMatchObject([
      { from: 1, upTo: 3 },
      { from: 3, upTo: 5 },
    ]);
    // The first `b` is gone from log and Redis alike: retention must be longer than the window.
    expect(w.verdicts().slice(3)).toEqual(['3 duplicate of 2', '4 accepted → portal', '5 duplicate of 4', '6 duplicate of 3']);
  });

  it('takes the rest of the log of a group that begins behind a trimmed start', async () => {
    const w = world();
    w.send({ id: 'a' }, { id: 'b' }, { id: 'c' });
    const first = w.start();
    await w.settledTo(3);
    await first.dedupe.stop();
    w.state.wipe();
    w.log.trim(w.topics.events, 0, 3);
    w.send({ id: 'd' });
    const second = w.start('b');
    await w.settledTo(4);
    await second.dedupe.stop();
    expect(w.verdicts()).toHaveLength(4);
  });

  it('halves a batch that is too large, and parks by digest what is too large alone', async () => {
    const big = eventRecord(codec, 't.events', testEvent({ id: 'c', data: Buffer.alloc(2_750, 'c') }));
    const bytes = [big.key, big.value, ...Object.entries(big.headers).flat()].reduce((sum, part) => sum + part!.length, 0);
    // The event still fits, the delivery around it does not.
    const w = world({ limits: { limits: { recordMaxBytes: bytes + 20, batchMaxBytes: bytes + 1_000, transactionTimeoutMs: 10_000 } } });
    w.send({ id: 'a', data: Buffer.alloc(1_000, 'a') }, { id: 'b', data: Buffer.alloc(1_000, 'b') });
    w.send({ id: 'c', data: Buffer.alloc(2_750, 'c') });
    w.send({ id: 'd', data: Buffer.alloc(1_000, 'd') });
    const { dedupe } = w.start();
    await w.settledTo(4);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal', '1 accepted → portal', '2 invalid', '3 accepted → portal']);
    const parked = readEvent(codec, w.log.records(w.topics.invalid)[0]!);
    expect(parked).toMatchObject({ id: 'c', attributes: { 'data-bytes': '2750' }, faults: [{ code: 'too-large' }] });
    expect(parked.attributes['data-sha256']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('cuts a batch by bytes', async () => {
    const w = world({ config: { batchMaxBytes: 2_500 } });
    w.send(...Array.from({ length: 6 }, (_, n) => ({ id: `e${n}`, data: Buffer.alloc(1_000) })));
    const { dedupe } = w.start();
    await w.settledTo(6);
    await dedupe.stop();
    expect(w.news.flatMap((one) => (one.kind === 'settled' ? [one.judged.length] : []))).toEqual([2, 2, 2]);
  });

  it('reads what stands when the answer to a commit is lost: one verdict a position', async () => {
    const w = world({ config: { batchMaxRecords: 3 } });
    w.send(...Array.from({ length: 12 }, (_, n) => ({ id: `e${n}` })));
    let commits = 0;
    const lossy = {
      before: async () => {},
      after: async (call: string) => {
        if (call.startsWith('log.commit.end') && ++commits % 2 === 0) throw new LogError('unknown-end', 'the answer to the commit is lost');
      },
    };
    const dedupe = createDedupeProcess({
      cluster: w.log.process(lossy),
      seen: new MemorySeenStore(w.state),
      codec,
      clock: w.clock,
      config: w.config,
      prefix: 't.',
      tell: (one) => void w.news.push(one),
    });
    running.push(dedupe);
    await dedupe.start();
    await w.settledTo(12);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(Array.from({ length: 12 }, (_, n) => `${n} accepted → portal`));
  });

  it('gives a partition up to its new owner: what the old one had under way is refused', async () => {
    const w = world({ config: { batchMaxRecords: 2 } });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let commits = 0;
    const slow = {
      before: async (call: string) => (call.startsWith('log.commit.write') && ++commits === 2 ? held : undefined),
      after: async () => {},
    };
    w.send({ id: 'a' }, { id: 'b', key: 'a' }, { id: 'c' }, { id: 'd', key: 'a' });
    const cluster = w.log.process(slow, 'old');
    const old = createDedupeProcess({
      cluster,
      seen: new MemorySeenStore(w.state),
      codec,
      clock: w.clock,
      config: w.config,
      prefix: 't.',
      tell: (one) => void w.news.push(one),
    });
    running.push(old);
    await old.start();
    await w.until(() => commits === 2);
    const { dedupe } = w.start('new');
    await new Promise((resolve) => setTimeout(resolve, 5));
    w.log.group('t.dedupe', w.topics.events).moveTo(0, 'new', { told: false });
    await w.settledTo(4);
    release();
    await w.until(() => w.news.some((one) => one.kind === 'left'));
    await Promise.all([old.stop(), dedupe.stop()]);
    expect(w.verdicts()).toEqual(['0 accepted → portal', '1 duplicate of 0', '2 accepted → portal', '3 duplicate of 0']);
  });
});
