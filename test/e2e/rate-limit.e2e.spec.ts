// Goal: a partner that takes 50 a second is called that often and no oftener by three replicas together, no attempt is spent on a 429,
// and nine tenths of what it takes is used.
// Method: the partner simulator counts with its own token bucket and answers 429 with Retry-After beyond it. Its arrivals are the evidence.
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  erpTopic,
  orderBody,
  startPartner,
  System,
  testConfiguration,
  TopicProducer,
  waitFor,
  type Arrival,
  type Partner,
} from '#libs/testkit/src/index.js';
import { evidenceOf, services } from '../fixtures/end-to-end.js';

const PER_SECOND = 50;
const REPLICAS = 3;

let partner: Partner | undefined;
let system: System | undefined;
afterEach(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

async function start(burst: number, more: Record<string, unknown>): Promise<{ partner: Partner; system: System }> {
  partner = await startPartner({ rules: [{ name: 'limit', rateLimit: { perSecond: PER_SECOND, burst } }] });
  const { url } = partner;
  system = await System.start({
    services: services(),
    apps: ['ingest', 'dedupe', 'deliver'],
    replicas: { deliver: REPLICAS },
    partitions: 6,
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        partitions: 6,
        sources: ['erp'],
        destinations: [{ name: 'portal', url: `${url}/orders/{entity}`, maxInFlight: 32, tiers: ['30s'], more }],
      }),
  });
  return { partner, system };
}

async function produce(count: number): Promise<void> {
  const producer = await TopicProducer.open(system!.services.brokers, erpTopic(system!.prefix));
  const orders = Array.from({ length: count }, (_, i) => ({
    key: `o-${i}`,
    value: orderBody({ id: `t-${i}`, entity: `o-${i}`, revision: 1 }),
  }));
  await producer.produce(orders);
  await producer.close();
}

/** The most arrivals of any second. */
function mostInASecond(arrivals: readonly Arrival[]): number {
  const times = arrivals.map(({ at }) => at).sort((a, b) => a - b);
  let first = 0;
  return times.reduce((most, at, i) => {
    while (times[first]! <= at - 1_000) first++;
    return Math.max(most, i - first + 1);
  }, 0);
}

/** Accepted a second, between the first and the last of them; what the bucket held at first is no pace. */
function paceOf(arrivals: readonly Arrival[], burst: number): number {
  const times = arrivals.map(({ at }) => at).sort((a, b) => a - b);
  return (times.length - burst) / ((times.at(-1)! - times[0]!) / 1_000);
}

async function delivered(count: number, withinMs: number): Promise<{ all: Arrival[]; stored: Arrival[] }> {
  await waitFor(() => (partner!.arrivals.counters.byStatus['200'] ?? 0) >= count, {
    what: `${count} deliveries`,
    withinMs,
    everyMs: 100,
    seen: () => JSON.stringify(partner!.arrivals.counters),
  });
  const all = partner!.arrivals.newest(100_000);
  return { all, stored: all.filter(({ status }) => status === 200) };
}

const spentOn = (arrivals: readonly Arrival[]): number => arrivals.filter(({ attempt }) => attempt !== 1).length;

describe('a partner that takes 50 a second, and three replicas', () => {
  it('with rateLimit: is never called oftener, and no 429 is seen', async () => {
    const count = 1_000;
    await start(PER_SECOND, { rateLimit: { perSecond: PER_SECOND, burst: PER_SECOND } });
    await produce(count);
    const { all, stored } = await delivered(count, 90_000);
    const pace = paceOf(stored, PER_SECOND);
    process.stdout.write(
      `${JSON.stringify({ case: 'rateLimit', requests: all.length, most: mostInASecond(all), pace, refused: all.length - stored.length })}\n`,
    );
    expect(mostInASecond(all)).toBeLessThanOrEqual(PER_SECOND + PER_SECOND);
    expect(all.length - stored.length).toBe(0);
    expect(pace).toBeGreaterThanOrEqual(0.9 * PER_SECOND);
    const metrics = await Promise.all(Array.from({ length: REPLICAS }, (_, replica) => system!.app('deliver', replica).metrics()));
    const used = metrics.map((page) => page.sum('holdfast_rate_limit_tokens_total', { result: 'used' }));
    expect(used.reduce((sum, each) => sum + each, 0)).toBe(count);
    expect(used.every((each) => each > 0)).toBe(true);
    expect((await evidenceOf(system!)).settled['delivered-once']).toBe(count);
  }, 180_000);

  it('with nothing but 429 and Retry-After: what one replica hears holds all, no attempt is spent, and the partner is kept busy', async () => {
    const count = 1_000;
    await start(PER_SECOND, {});
    await produce(count);
    const { all, stored } = await delivered(count, 120_000);
    const pace = paceOf(stored, PER_SECOND);
    process.stdout.write(
      `${JSON.stringify({ case: '429 alone', requests: all.length, most: mostInASecond(all), mostStored: mostInASecond(stored), pace, refused: all.length - stored.length })}\n`,
    );
    expect(mostInASecond(stored)).toBeLessThanOrEqual(PER_SECOND + PER_SECOND);
    // Of what it refuses there is little: a few come back at a time, not all that wait.
    expect(all.length - stored.length).toBeLessThan(count / 2);
    expect(spentOn(all)).toBe(0);
    expect(pace).toBeGreaterThanOrEqual(0.9 * PER_SECOND);
    expect((await evidenceOf(system!)).settled['delivered-once']).toBe(count);
  }, 180_000);
});
