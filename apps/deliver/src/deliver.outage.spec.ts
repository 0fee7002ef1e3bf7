import { describe, expect, it } from '@jest/globals';
import { Breakers, MemoryBreakerStore } from '#libs/breaker/src/index.js';
import { MemoryMarksServer, type Outcome } from '#libs/delivery/src/index.js';
import { groupNames, topicNames, type Fact } from '#libs/domain/src/index.js';
import { MemoryLog, silentLogger } from '#libs/kafka/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { Destination } from './deliver.ports.js';
import { createDeliverProcess } from './deliver.process.js';
import { deliveryRecord, listeningReport, memoryCodec, readFact, testDelivery, testPolicy } from './testing/deliver.world.js';

// Goal: three days of outage cost nothing but their time: nothing spent, lost, doubled or dead-lettered, and no other destination notices.
// Method: the real pipelines and breakers on a clock that the test moves; one partner refuses for three days, then takes everything.
const codec = await memoryCodec();
const topics = topicNames('s.');
const groups = groupNames('s.');
const tiers = [{ name: 'a', delayMs: 30_000 }];
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const ok: Outcome = { kind: 'responded', status: 200, retryAfterMs: null, body: null };
const refused: Outcome = { kind: 'unreachable', when: 'before', code: 'ECONNREFUSED', error: 'connect ECONNREFUSED' };

function world(answers: (name: string, id: string) => Outcome) {
  const clock = new ManualClock();
  const log = new MemoryLog({ clock });
  const names = ['down', 'healthy'];
  const homes = [
    ...names.map((name) => ({ group: groups.deliver(name), topic: topics.deliveries(name) })),
    { group: groups.delayLine('a'), topic: topics.retry('a') },
  ];
  for (const { group, topic } of homes) {
    log.createTopic(topic);
    log.broker.setCommitted({ group, topic, partition: 0, offset: 0, metadata: '' });
  }
  for (const topic of [topics.dlq, topics.invalid, topics.ledger]) log.createTopic(topic);
  // Asked rarely, so that three days are played in seconds.
  const store = new MemoryBreakerStore(clock);
  const breakers = new Breakers({ store, clock, me: 'one', report: { breakerChanged: () => {} }, pollMs: minuteMs, pollOpenMs: minuteMs });
  const requests: { name: string; id: string; atMs: number }[] = [];
  const destinations = names.map((name): Destination => {
    const policy = testPolicy({ timeoutMs: 1_000, tiers, maxInFlight: 8, maxAgeMs: 24 * hourMs });
    const probe = { firstMs: 1_000, maxMs: 4 * hourMs };
    const rate = { share: 0.5, windowMs: 30_000, atLeast: 1_000 };
    return {
      name,
      policy,
      valves: [breakers.valve({ destination: name, policy: { failures: 5, rate, probe, rampMax: 8 }, attemptMaxMs: 6_000, probe: null })],
      resolver: { ask: async () => ({ kind: 'not-found' }) },
      render: ({ id }) => ({ ok: true, request: { method: 'POST', path: id, headers: {}, body: null } }),
      sender: {
        send: async ({ path }) => {
          requests.push({ name, id: path, atMs: clock.nowMs() });
          return answers(name, path);
        },
      },
    };
  });
  const process = createDeliverProcess({
    cluster: log.process(),
    ports: { clock, codec, marks: new MemoryMarksServer().store(), report: listeningReport().report, logger: silentLogger, topics },
    destinations,
    tiers,
    topicPrefix: 's.',
    bounds: { readWaitMs: 10_000, backoffFirstMs: 5 },
  });
  const append = (name: string, from: number, count: number) =>
    log.broker.write(
      Array.from({ length: count }, (_, n) =>
        deliveryRecord(codec, topics.deliveries(name), testDelivery(from + n, { id: `${name}-${from + n}`, destination: name })),
      ),
      null,
    );
  const facts = (): Fact[] => log.records(topics.ledger).map((record) => readFact(codec, record));
  const ends = (name: string): Fact[] => facts().filter(({ fact, destination }) => fact !== 'attempted' && destination === name);
  return { clock, breakers, process, requests, append, facts, ends, dlq: () => log.records(topics.dlq) };
}

async function play() {
  let isUp = false;
  const w = world((name) => (name === 'healthy' || isUp ? ok : refused));
  w.breakers.start();
  void w.process.start();
  await w.clock.advance(1_000);
  w.append('down', 0, 150);
  await w.clock.advance(minuteMs);
  const beganMs = w.clock.nowMs();
  let sent = 0;
  // Something comes for both every hour.
  for (let hour = 0; hour < 72; hour++) {
    w.append('down', 1_000 + hour, 1);
    w.append('healthy', 2_000 + hour, 1);
    await w.clock.advance(hourMs);
    sent = w.ends('healthy').length;
    expect(sent).toBe(hour + 1);
  }
  const held = w.process.holds();
  const during = w.requests.filter(({ name }) => name === 'down').map(({ atMs }) => atMs);
  isUp = true;
  await w.clock.advance(5 * hourMs);
  return { ...w, beganMs, held, during };
}

describe('an outage of three days', () => {
  it('spends nothing beyond what tripped the breaker, and ends with everything delivered once', async () => {
    const { ends, facts, dlq, held, during, requests, process, breakers } = await play();
    expect(held).toMatchObject([{ destination: 'down', reason: 'breaker' }]);
    expect(dlq()).toEqual([]);
    expect(ends('down').map(({ verdict }) => verdict)).toEqual(Array(222).fill('delivered-once'));
    expect(new Set(ends('down').map(({ delivery }) => delivery)).size).toBe(222);
    // Five in a row trip it, more were under way then: those are held. What was spent, the first five have spent.
    expect(facts().filter(({ fact }) => fact === 'attempted').length).toBeLessThanOrEqual(5);
    expect(ends('down').filter(({ attempt }) => attempt !== 1).length).toBeLessThanOrEqual(5);
    // Probes at 1, 2, 4 … s up to 4 h: 15 doublings, then one each 4 h. With those that were under way when it tripped.
    expect(during.length).toBeLessThanOrEqual(8 + 16 + 18);
    expect(during.length).toBeGreaterThanOrEqual(8 + 16 + 14);
    // Each held delivery went out once, and each probe besides.
    expect(requests.filter(({ name }) => name === 'down').length).toBe(during.length + 222);
    // What failed under the hold is in the history, under the number of an attempt that was not spent.
    const probed = ends('down').filter(({ attempts }) => attempts.length > 1);
    expect(probed.length).toBeGreaterThan(0);
    for (const { attempts } of probed) expect(new Set(attempts.map(({ attempt }) => attempt)).size).toBe(1);
    await process.stop();
    await breakers.close();
  }, 120_000);
});

describe('the ramp after an outage', () => {
  it('spends nothing of what fails in it and does not open it again', async () => {
    let failsIn = Infinity;
    let isUp = false;
    const w = world(() => (isUp && failsIn-- !== 0 ? ok : refused));
    w.breakers.start();
    void w.process.start();
    await w.clock.advance(1_000);
    w.append('down', 0, 60);
    await w.clock.advance(minuteMs);
    const spentBefore = w.facts().filter(({ fact }) => fact === 'attempted').length;
    // The canary, then 1, 2, and one of the 4 fails: too few to open it again.
    [isUp, failsIn] = [true, 5];
    await w.clock.advance(10 * minuteMs);
    expect(failsIn).toBeLessThan(0);
    expect(w.ends('down').map(({ verdict }) => verdict)).toEqual(Array(60).fill('delivered-once'));
    expect(w.breakers.states()[0]!.state).toMatchObject({ phase: { kind: 'closed' }, last: { probes: 6 } });
    expect(w.facts().filter(({ fact }) => fact === 'attempted').length).toBe(spentBefore);
    await w.process.stop();
    await w.breakers.close();
  }, 60_000);
});

describe('a delivery that fails by itself', () => {
  it('is held while the breaker is open, and spends its attempts once others pass', async () => {
    const w = world((_name, id) => (id === 'down-7' ? { ...ok, status: 503 } : ok));
    w.breakers.start();
    void w.process.start();
    await w.clock.advance(1_000);
    w.append('down', 7, 1);
    for (let n = 0; n < 200; n++) {
      w.append('down', 100 + n, 1);
      await w.clock.advance(minuteMs);
    }
    expect(w.dlq()).toHaveLength(1);
    expect(w.ends('down').filter(({ delivery }) => delivery === 'down-7')).toMatchObject([{ fact: 'dead-lettered', attempt: 2 }]);
    expect(w.ends('down')).toHaveLength(201);
    await w.process.stop();
    await w.breakers.close();
  }, 60_000);
});
