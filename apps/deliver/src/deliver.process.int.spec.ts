import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startPartner, waitFor, type Partner, type TestDestination } from '#libs/testkit/src/index.js';
import type { Destination } from './deliver.ports.js';
import { testDelivery } from './testing/deliver.world.js';
import { RealWorld } from './testing/real-world.js';

// Goal: on the real Kafka and Redis, against a partner that keeps books: once is once, retries keep their times, the end of the
// tiers is the DLQ with all that happened, unknown outcomes are resolved by the destination's rule, one destination's trouble is
// nobody else's, and an owner that vanishes in mid-request leaves nothing undone.
let partner: Partner;
let world: RealWorld | null = null;

beforeEach(async () => {
  partner = await startPartner({ pointers: { revision: '/revision' } });
});
afterEach(async () => {
  await world?.close();
  world = null;
  await partner.close();
});

const portal = (over: Partial<TestDestination> = {}): TestDestination => ({
  name: 'portal',
  url: `${partner.url}/orders/{entity}`,
  timeout: '1s',
  settle: '200ms',
  ...over,
});
const open = async (...destinations: TestDestination[]): Promise<RealWorld> => (world = await RealWorld.open(destinations));
const many = (count: number, over: Parameters<typeof testDelivery>[1] = {}, from = 0) =>
  Array.from({ length: count }, (_, n) => testDelivery(from + n, { ...over, event: { subject: `entity-${n % 20}`, ...over.event } }));
const arrivals = () => partner.arrivals.newest(10_000);
const timesOf = (eventId: string): number[] =>
  arrivals()
    .filter((one) => one.eventId === eventId)
    .map(({ at }) => at);

describe('deliver on Kafka and Redis', () => {
  it('delivers each once, one at a time per entity, byte for byte, and says so in the ledger', async () => {
    const w = await open(portal({ maxInFlight: 16 }));
    await w.start();
    await w.append(many(200));
    const ends = await w.ended(200);
    expect(new Set(ends.map(({ verdict }) => verdict))).toEqual(new Set(['delivered-once']));
    expect(new Set(ends.map(({ delivery }) => delivery)).size).toBe(200);
    expect(partner.store.counters).toMatchObject({ stored: 200, doubles: 0 });
    expect(partner.arrivals.counters).toMatchObject({ overlaps: 0 });
    expect(partner.arrivals.counters.inFlightMax).toBeLessThanOrEqual(16);
    expect(partner.store.entity('entity-3')!.body.toString()).toMatch(/^\{"n":\d+\}$/);
  });

  it('goes on where it was after a restart, and settles nothing twice', async () => {
    const w = await open(portal());
    const first = await w.start();
    await w.append(many(50));
    await w.ended(50);
    await first.stop();
    await w.append(many(50, {}, 50));
    await w.start();
    const ends = await w.ended(100);
    expect(new Set(ends.map(({ position }) => position)).size).toBe(100);
    expect(partner.store.counters).toMatchObject({ stored: 100, doubles: 0 });
  });

  it('retries at the times of its tiers, never early, and counts attempts in the header', async () => {
    const w = await open(portal());
    partner.setRules([{ status: 503, firstPerKey: 2 }]);
    await w.start();
    await w.append(many(10));
    const ends = await w.ended(10);
    expect(ends.map(({ verdict, attempt }) => `${verdict} ${attempt}`)).toEqual(Array(10).fill('delivered-once 3'));
    for (const { id } of ends) {
      const [a, b, c] = timesOf(id) as [number, number, number];
      expect(b - a).toBeGreaterThanOrEqual(300);
      expect(c - b).toBeGreaterThanOrEqual(600);
      expect(c - a).toBeLessThan(5_000);
    }
    expect(
      arrivals()
        .map(({ attempt }) => attempt)
        .sort(),
    ).toEqual([1, 2, 3].flatMap((attempt) => Array<number>(10).fill(attempt)));
  });

  it('gives up after the last tier: the DLQ has the body and every attempt', async () => {
    const w = await open(portal());
    partner.setRules([{ status: 503, body: 'not today' }]);
    await w.start();
    await w.append([testDelivery(7)]);
    const [end] = await w.ended(1);
    expect(end).toMatchObject({ fact: 'dead-lettered', reason: 'attempts-exhausted', class: 'transient', attempt: 3 });
    const [letter] = await w.deadLetters();
    expect(letter).toMatchObject({ id: 'd7', reason: 'attempts-exhausted', class: 'transient', attempt: 3, doubtful: false });
    expect(letter!.event.data.toString()).toBe('{"n":7}');
    expect(letter!.history.map(({ attempt, status, body }) => [attempt, status, body])).toEqual([
      [1, 503, 'not today'],
      [2, 503, 'not today'],
      [3, 503, 'not today'],
    ]);
  });

  it('does not repeat what a retry cannot help', async () => {
    const w = await open(portal());
    partner.setRules([{ status: 422, body: '{"error":"no such customer"}' }]);
    await w.start();
    await w.append([testDelivery(1)]);
    expect(await w.ended(1)).toMatchObject([{ fact: 'dead-lettered', reason: 'rejected', class: 'business' }]);
    expect(arrivals()).toHaveLength(1);
  });

  it('resolves an unknown outcome with the same key: stored once, once by proof', async () => {
    const w = await open(portal());
    partner.setRules([{ fault: 'reset-after-commit', firstPerKey: 1 }]);
    await w.start();
    await w.append(many(10));
    const ends = await w.ended(10);
    expect(new Set(ends.map(({ verdict }) => verdict))).toEqual(new Set(['delivered-once-by-proof']));
    expect(partner.store.counters).toMatchObject({ stored: 10, doubles: 0 });
    expect(new Set(arrivals().map(({ key }) => key)).size).toBe(10);
  });

  it('asks before it sends again: found is delivered, another revision is not', async () => {
    const lookup = { url: `${partner.url}/orders/{entity}`, revision: '/_partner/revision' };
    const w = await open(portal({ more: { unknown: { resolve: 'lookup', settle: '200ms', lookup } } }));
    partner.setRules([
      { fault: 'reset-after-commit', path: '/orders/taken', first: 1 },
      { fault: 'reset-before-commit', path: '/orders/lost', first: 1 },
    ]);
    await w.start();
    const change = (n: number, subject: string) => {
      const data = Buffer.from(JSON.stringify({ revision: 4 }));
      return testDelivery(n, { event: { subject, revision: '4', data } });
    };
    await w.append([change(1, 'taken'), change(2, 'lost')]);
    const ends = await w.ended(2);
    expect(ends.map(({ verdict }) => verdict)).toEqual(['delivered-once-by-proof', 'delivered-once-by-proof']);
    expect(partner.store.counters).toMatchObject({ stored: 2, doubles: 0 });
    expect(partner.arrivals.counters).toMatchObject({ lookups: 2 });
  });

  it('counts and shows what it resends blindly', async () => {
    const w = await open(portal({ resolve: 'resend' }));
    partner.setRules([{ fault: 'reset-after-commit', firstPerKey: 1 }]);
    const { told } = await w.start();
    await w.append(many(5));
    const ends = await w.ended(5);
    expect(new Set(ends.map(({ verdict }) => verdict))).toEqual(new Set(['delivered-maybe-twice']));
    expect(partner.store.counters).toMatchObject({ stored: 10, doubles: 5 });
    expect(told.duplicates).toEqual(Array(5).fill('unknown-outcome'));
  });

  it('leaves an unknown outcome to an operator where the destination says so', async () => {
    const w = await open(portal({ resolve: 'hold' }));
    partner.setRules([{ fault: 'reset-after-commit', firstPerKey: 1 }]);
    await w.start();
    await w.append([testDelivery(1)]);
    expect(await w.ended(1)).toMatchObject([{ fact: 'held', class: 'unknown' }]);
    expect(await w.deadLetters()).toMatchObject([{ doubtful: true, class: 'unknown' }]);
    expect(arrivals()).toHaveLength(1);
  });

  it('holds the destination as long as it asks, and spends no attempt on it', async () => {
    const w = await open(portal({ maxInFlight: 1, tiers: ['2s'] }));
    partner.setRules([{ status: 429, retryAfterS: 1, first: 1 }]);
    const { told } = await w.start();
    await w.append(many(3));
    const ends = await w.ended(3);
    expect(ends.map(({ verdict, attempt }) => `${verdict} ${attempt}`)).toEqual(Array(3).fill('delivered-once 1'));
    const [refused, next] = arrivals();
    expect(next!.at - refused!.at).toBeGreaterThanOrEqual(1_000);
    expect(told.holds).toEqual(['throttled']);
  });

  it('keeps one destination out of the trouble of another', async () => {
    const slow = await startPartner({ rules: [{ fault: 'hang-before-commit' }] });
    const w = await open(
      portal(),
      portal({ name: 'shop', url: `${slow.url}/hooks` }),
      portal({ name: 'down', url: 'http://127.0.0.1:9/' }),
    );
    await w.start();
    await w.append([...many(50, { destination: 'shop' }, 1_000), ...many(50, { destination: 'down' }, 2_000)]);
    await waitFor(() => slow.arrivals.counters.inFlight > 0, { what: 'the slow one to hang' });
    const began = performance.now();
    await w.append(many(200));
    await waitFor(() => partner.store.counters.stored === 200, { what: 'the healthy one to have all', withinMs: 10_000 });
    expect(performance.now() - began).toBeLessThan(3_000);
    await w.close();
    await slow.close();
  }, 60_000);

  it('resolves what a vanished owner had under way', async () => {
    const w = await open(portal({ resolve: 'idempotency-key' }));
    // The partner takes effect, and the owner never hears of it: as a process that dies behind its request.
    const deaf = (destination: Destination): Destination => ({
      ...destination,
      sender: { send: (request, deadline) => destination.sender.send(request, deadline).then(() => new Promise(() => {})) },
    });
    const first = await w.start({ through: deaf, bounds: { drainMaxMs: 100 } });
    await w.append(many(10));
    await waitFor(() => partner.store.counters.stored === 10, { what: 'the requests to land' });
    await first.stop();
    expect(await w.facts()).toEqual([]);
    await w.start();
    const ends = await w.ended(10);
    expect(new Set(ends.map(({ verdict }) => verdict))).toEqual(new Set(['delivered-once-by-proof']));
    expect(ends[0]!.attempts.map(({ rule }) => rule)).toEqual(['takeover', 'default']);
    expect(partner.store.counters).toMatchObject({ stored: 10, doubles: 0 });
  });

  it('takes what Redis forgot for doubtful, and stores nothing twice', async () => {
    const w = await open(portal());
    partner.setRules([{ latencyMs: 300 }]);
    await w.start();
    await w.append(many(60));
    await waitFor(() => partner.store.counters.stored > 5, { what: 'some to be stored' });
    await w.forgetMarks();
    const ends = await w.ended(60, 30_000);
    expect(new Set(ends.map(({ delivery }) => delivery)).size).toBe(60);
    expect(partner.store.counters).toMatchObject({ unique: 60, doubles: 0 });
  }, 60_000);

  it('puts a record it cannot read aside, whole and with its position, and goes on', async () => {
    const w = await open(portal());
    await w.start();
    const topic = w.topics.deliveries('portal');
    await w.appendRaw(topic, Buffer.from('no avro at all'));
    await w.append(many(5));
    await w.ended(5);
    const [aside] = await waitFor(
      async () => {
        const found = await w.records(w.topics.invalid);
        return found.length > 0 && found;
      },
      { what: 'the unreadable record' },
    );
    const read = w.codec.decodeSync('Event', aside!.value!);
    if (!read.ok) throw new Error(read.code);
    expect(read.value.data.toString()).toBe('no avro at all');
    expect(read.value.origin).toMatch(new RegExp(`^${topic}/\\d/\\d+$`));
    expect(read.value.faults).toHaveLength(1);
  });
});
