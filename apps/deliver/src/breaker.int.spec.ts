import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startPartner, waitFor, type Partner, type TestDestination } from '#libs/testkit/src/index.js';
import { testDelivery } from './testing/deliver.world.js';
import { RealWorld, type RealProcess } from './testing/real-world.js';

// Goal: on the real Kafka and Redis an outage spends, loses, doubles and dead-letters nothing; two replicas send one probe between
// them; a restart keeps it open; and traffic comes back in a ramp. Method: a partner that answers 503 for a while, read by its arrivals.
let partner: Partner;
let world: RealWorld | null = null;

beforeEach(async () => {
  partner = await startPartner();
});
afterEach(async () => {
  await world?.close();
  world = null;
  await partner.close();
});

const FIRST_MS = 400;
const portal = (over: Partial<TestDestination> = {}): TestDestination => ({
  name: 'portal',
  url: `${partner.url}/orders/{entity}`,
  timeout: '1s',
  settle: '200ms',
  maxInFlight: 16,
  more: { breaker: { failures: 5, probe: { first: `${FIRST_MS}ms`, max: '1h' } } },
  ...over,
});
const open = async (...destinations: TestDestination[]): Promise<RealWorld> => (world = await RealWorld.open(destinations));
const many = (count: number, from = 0) => Array.from({ length: count }, (_, n) => testDelivery(from + n));
const arrivals = () => partner.arrivals.newest(10_000);
const kindOf = ({ breakers }: RealProcess): string => breakers!.states()[0]!.state.phase.kind;
const hasPartition = ({ process }: RealProcess): boolean => [...process.here()].some((one) => one.startsWith('portal/'));
const bothWork = async (w: RealWorld): Promise<[RealProcess, RealProcess]> => {
  const both: [RealProcess, RealProcess] = [await w.start({ breakers: true }), await w.start({ breakers: true })];
  await waitFor(() => both.every(hasPartition), { what: 'a partition for each replica', withinMs: 20_000 });
  return both;
};
const isOpen = (...processes: RealProcess[]): Promise<unknown> =>
  waitFor(() => processes.every((each) => kindOf(each) === 'open' || kindOf(each) === 'half-open'), {
    what: 'an open breaker',
    withinMs: 10_000,
  });
/** Arrivals after the burst that tripped it. */
const probes = (): number[] => {
  const at = arrivals().map((arrival) => arrival.at);
  return at.filter((each, n) => n > 0 && each - at[n - 1]! > FIRST_MS * 0.75);
};

describe('the breaker of deliver', () => {
  it('holds what fails, sends one canary at doubled times over two replicas, and comes back in a ramp', async () => {
    partner.setRules([{ status: 503 }]);
    const w = await open(portal());
    const [a, b] = await bothWork(w);
    await w.append(many(300));
    await isOpen(a, b);
    await waitFor(() => probes().length >= 4, { what: 'four probes', withinMs: 30_000, seen: probes });
    const at = probes();
    const gaps = at.slice(1).map((each, n) => each - at[n]!);
    // The first probe may fall into the end of the burst that tripped it; each further one comes after twice the wait.
    expect(gaps[0]).toBeGreaterThanOrEqual(FIRST_MS * 2 - 20);
    gaps.slice(1, 3).forEach((gapMs, n) => {
      expect(gapMs).toBeGreaterThanOrEqual(gaps[n]! * 1.5);
      expect(gapMs).toBeLessThan(gaps[n]! * 2 + 1_000);
    });
    const beforeMs = Date.now();
    partner.setRules([{ latencyMs: 100 }]);
    const ends = await w.ended(300, 60_000);
    expect(new Set(ends.map(({ verdict }) => verdict))).toEqual(new Set(['delivered-once']));
    expect(partner.store.counters).toMatchObject({ stored: 300, doubles: 0 });
    expect(await w.deadLetters()).toEqual([]);
    const back = arrivals().filter((arrival) => arrival.at >= beforeMs && arrival.status === 200);
    // Nothing was spent but what failed before it tripped: five in a row, over both replicas.
    expect(back.filter(({ attempt }) => attempt !== 1).length).toBeLessThanOrEqual(5);
    // Of the first second no instant has more inside than the ramp allows.
    const inside = back.map((arrival) => back.filter((other) => other.at <= arrival.at && other.at + 100 > arrival.at + 5).length);
    expect(inside.slice(0, 2)).toEqual([1, 1]);
    expect(Math.max(...inside.slice(0, 4))).toBeLessThanOrEqual(3);
    await waitFor(() => kindOf(a) === 'closed' && kindOf(b) === 'closed', { what: 'closed breakers', withinMs: 30_000 });
  });

  it('stays open over a restart: the new process sends nothing but the probe', async () => {
    partner.setRules([{ status: 503 }]);
    const w = await open(portal({ more: { breaker: { probe: { first: '5s' } } } }));
    const first = await w.start({ breakers: true });
    await w.append(many(50));
    await isOpen(first);
    await waitFor(() => arrivals().length >= 6, { what: 'the failures', withinMs: 5_000 });
    await first.stop();
    const { length } = arrivals();
    const second = await w.start({ breakers: true });
    await waitFor(() => hasPartition(second), { what: 'the partitions', withinMs: 20_000 });
    await isOpen(second);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    // One at most: the probe, if it was due meanwhile.
    expect(arrivals().length - length).toBeLessThanOrEqual(1);
    partner.setRules([]);
    await w.ended(50, 40_000);
    expect(partner.store.counters).toMatchObject({ stored: 50, doubles: 0 });
  });

  it('asks a health URL instead, from one of two replicas, and sends no delivery before it answers', async () => {
    partner.setRules([{ status: 503 }, { path: '/health', methods: ['GET'], status: 503 }]);
    const w = await open(portal({ more: { breaker: { probe: { url: `${partner.url}/health`, first: '300ms' } } } }));
    const [a, b] = await bothWork(w);
    await w.append(many(60));
    await isOpen(a, b);
    const posts = () => arrivals().filter(({ method }) => method !== 'GET').length;
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const before = posts();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(posts()).toBe(before);
    expect(a.breakers!.states()[0]!.state.outage!.probes).toBeGreaterThanOrEqual(2);
    expect(a.breakers!.states()[0]!.state.outage!.probes).toBeLessThanOrEqual(4);
    partner.setRules([{ path: '/health', methods: ['GET'], status: 200 }]);
    await w.ended(60, 40_000);
    expect(partner.store.counters).toMatchObject({ stored: 60, doubles: 0 });
  });
});
