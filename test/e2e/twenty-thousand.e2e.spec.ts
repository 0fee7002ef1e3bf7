import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  erpTopic,
  faultsOf,
  orderBody,
  postWebhooks,
  runSeed,
  seededRandom,
  startPartner,
  System,
  testConfiguration,
  TopicProducer,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { evidenceOf, readAll, services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: 20,000 events, a fifth of them duplicates, half by webhook and half by topic, 500 entities, and a partner that fails one in
// twenty: each unique one takes effect exactly once, each duplicate names the position it doubles, and our facts fold to the counts
// in the partner's own books.
// Method: the partner ignores idempotency keys here, so a second request would be a second effect and be seen.

const TOTAL = 20_000;
const UNIQUE = 16_000;
const ENTITIES = 500;
const FAILURES = 0.05;

type Order = { id: string; entity: string; revision: number };

const seed = runSeed();
let partner: Partner;
let system: System;

beforeAll(async () => {
  partner = await startPartner({ seed, arrivalsMax: 50_000, idempotency: { enabled: false }, rules: [{ share: FAILURES, status: 500 }] });
  const url = `${partner.url}/orders/{entity}`;
  // Six attempts: that one event meets six failures in a row has a chance of one in four thousand over the whole run.
  const tiers = ['200ms', '500ms', '1s', '2s', '3s'];
  system = await System.start({
    services: services(),
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({ prefix, tiers, destinations: [{ name: 'portal', url, timeout: '20s', maxInFlight: 128 }] }),
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

/** The unique orders, and then the repeats of some, each under another id: `first` and `second` way are drawn for each. */
function plan(): { webhook: Order[]; topic: Order[] } {
  const random = seededRandom(seed);
  const unique = Array.from({ length: UNIQUE }, (_, i): Order => ({
    id: `u-${i}`,
    entity: `o-${i % ENTITIES}`,
    revision: Math.floor(i / ENTITIES) + 1,
  }));
  const repeats = random
    .shuffle(unique)
    .slice(0, TOTAL - UNIQUE)
    .map((order, i): Order => ({ ...order, id: `d-${i}` }));
  const all = random.shuffle([...unique, ...repeats]);
  return { webhook: all.slice(0, TOTAL / 2), topic: all.slice(TOTAL / 2) };
}

describe(`${TOTAL} events with duplicates to a partner that fails (seed ${seed})`, () => {
  it('take effect exactly once each, and the facts say the same as the partner', async () => {
    const { webhook, topic } = plan();
    const producer = await TopicProducer.open(system.services.brokers, erpTopic(system.prefix));
    const produced = producer.produce(topic.map((order) => ({ key: order.entity, value: orderBody(order) })));
    const webhooks = webhook.map((order) => ({ tag: order.id, body: orderBody(order) }));
    const report = await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 32 }, webhooks);
    await produced;
    await producer.close();
    expect(report.refused).toEqual([]);

    await waitFor(() => partner.stats().unique >= UNIQUE, {
      what: 'every unique event at the partner',
      withinMs: 100_000,
      everyMs: 200,
      seen: () => partner.stats(),
    });
    const settled = async (): Promise<boolean> => (await system.app('deliver').metrics()).sum('holdfast_deliveries_total') >= UNIQUE;
    await waitFor(settled, { what: 'every delivery settled', withinMs: 30_000, everyMs: 250 });
    const summary = await waitFor(
      async () => {
        const found = await evidenceOf(system);
        return found.received === TOTAL && Object.keys(faultsOf(found)).length === 0 && found;
      },
      { what: 'facts that add up', withinMs: 30_000, everyMs: 1_000 },
    ).catch(async () => evidenceOf(system));

    expect(faultsOf(summary)).toEqual({});
    expect(summary).toMatchObject({
      received: TOTAL,
      judged: { accepted: UNIQUE, duplicate: TOTAL - UNIQUE },
      deadLettered: 0,
      invalid: 0,
    });
    // A 500 proves nothing (rule 28): what was delivered after one says so, and is as often there as it was once.
    const { 'delivered-once': once = [], 'delivered-once-by-proof': byProof = [], ...others } = summary.settledIds['portal']!;
    expect(others).toEqual({});
    expect(once.length + byProof.length).toBe(UNIQUE);
    expect(new Set(byProof)).toEqual(
      new Set(
        partner.arrivals
          .newest(50_000)
          .filter(({ status }) => status === 500)
          .map(({ eventId }) => eventId),
      ),
    );
    expect(summary.duplicatesOf).toHaveLength(TOTAL - UNIQUE);
    const books = partner.stats();
    expect(books).toMatchObject({ stored: UNIQUE, unique: UNIQUE, doubles: 0 });
    expect(new Set([...once, ...byProof])).toEqual(new Set([...partner.store.all()].map(({ eventId }) => eventId)));
    const attempts = attemptsIn((await readAll(system)).facts);
    expect(attempts).toEqual({ delivered: UNIQUE, transient: books.refused });
    expect(books.refused).toBeGreaterThan(UNIQUE * FAILURES * 0.7);
  }, 200_000);
});

function attemptsIn(facts: Awaited<ReturnType<typeof readAll>>['facts']): Record<string, number> {
  const seen = new Set<string>();
  const counts: Record<string, number> = {};
  for (const fact of facts) {
    for (const { attempt, at, class: sort } of fact.attempts) {
      const key = `${fact.delivery} ${attempt} ${at}`;
      if (seen.has(key)) continue;
      seen.add(key);
      counts[sort] = (counts[sort] ?? 0) + 1;
    }
  }
  return counts;
}
