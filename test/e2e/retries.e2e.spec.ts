import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Delivery } from '#libs/domain/src/index.js';
import {
  orderBody,
  postWebhooks,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type Arrival,
  type Partner,
} from '#libs/testkit/src/index.js';
import { evidenceOf, readAll, services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: retries come at the tiers' times and never early; after the last tier the dead letter has every attempt in its history; what
// no retry can help is a dead letter at once.
// Method: tiers of 1 s and 3 s; the partner's clock and ours are one, so its arrivals are compared with the tiers themselves.

const TIERS_MS = [1_000, 3_000];
/** How much later than its tier a retry may come on a busy machine. */
const LATE_MAX_MS = 2_500;

let partner: Partner;
let system: System;

beforeAll(async () => {
  partner = await startPartner({
    rules: [
      { path: '/orders/twice-failing', firstPerKey: 2, status: 503, body: '{"error":"busy"}' },
      { path: '/orders/always-failing', status: 500, body: '{"error":"broken inside"}' },
      { path: '/orders/wrong', status: 422, body: '{"error":"no such article"}' },
    ],
  });
  const url = `${partner.url}/orders/{entity}`;
  // Every delivery here fails on purpose, and goes its whole way.
  const more = { breaker: { failures: 10_000, rate: { atLeast: 10_000 } } };
  system = await System.start({
    services: services(),
    configuration: (prefix) =>
      testConfiguration({ prefix, tiers: ['1s', '3s'], sources: ['shop'], destinations: [{ name: 'portal', url, more }] }),
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

const post = async (entity: string, count = 1): Promise<string[]> => {
  const webhooks = Array.from({ length: count }, (_, i) => ({
    tag: `${entity}-${i}`,
    body: orderBody({ id: `${entity}-${i}`, entity: `${entity}-${i}`, revision: 1 }),
  }));
  const { accepted } = await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 4 }, webhooks);
  return accepted.map(({ id }) => id);
};

function expectTiers(arrivals: readonly Arrival[]): void {
  for (const [i, tierMs] of TIERS_MS.entries()) {
    const waitedMs = arrivals[i + 1]!.at - arrivals[i]!.at;
    expect(waitedMs).toBeGreaterThanOrEqual(tierMs);
    expect(waitedMs).toBeLessThan(tierMs + LATE_MAX_MS);
  }
}

const deadOf = (dead: readonly Delivery[], id: string): Delivery[] => dead.filter((delivery) => delivery.event.id === id);

describe('retries', () => {
  it('come after each tier, never early, and end in the delivery', async () => {
    const ids = await post('twice-failing', 20);
    expect(ids).toHaveLength(20);
    await waitFor(() => ids.every((id) => partner.storedOf(id).length > 0), {
      what: 'the deliveries after two failures',
      withinMs: 20_000,
    });
    for (const id of ids) {
      const arrivals = partner.arrivals.of(id);
      expect(arrivals.map(({ status, attempt }) => [status, attempt])).toEqual([
        [503, 1],
        [503, 2],
        [200, 3],
      ]);
      expectTiers(arrivals);
      expect(new Set(arrivals.map(({ key }) => key)).size).toBe(1);
    }
  }, 60_000);

  it('end in the dead letters after the last tier, with every attempt in the history and the original body', async () => {
    const [id] = await post('always-failing');
    const [dead] = await waitFor(
      async () => {
        const found = deadOf((await readAll(system)).dead, id!);
        return found.length > 0 && found;
      },
      { what: 'the dead letter', withinMs: 25_000, everyMs: 500 },
    );
    const arrivals = partner.arrivals.of(id!);
    expect(arrivals).toHaveLength(TIERS_MS.length + 1);
    expectTiers(arrivals);
    expect(dead!.history.map(({ attempt, class: sort, status }) => [attempt, sort, status])).toEqual([
      [1, 'transient', 500],
      [2, 'transient', 500],
      [3, 'transient', 500],
    ]);
    expect(dead!.history[0]!.body).toContain('broken inside');
    expect(dead!.reason).toBeTruthy();
    expect(dead!.event.data.equals(orderBody({ id: id!, entity: 'always-failing-0', revision: 1 }))).toBe(true);
    expect(partner.storedOf(id!)).toEqual([]);
  }, 60_000);

  it('are not tried where they cannot help: 422 is a dead letter at once', async () => {
    const [id] = await post('wrong');
    const [dead] = await waitFor(
      async () => {
        const found = deadOf((await readAll(system)).dead, id!);
        return found.length > 0 && found;
      },
      { what: 'the dead letter', withinMs: 15_000, everyMs: 300 },
    );
    expect(dead!.history).toHaveLength(1);
    expect(dead!).toMatchObject({ class: 'business' });
    expect(partner.arrivals.of(id!)).toHaveLength(1);
    const proof = await system.holdfast('prove', id!);
    expect(proof.stdout).toContain('dead-lettered');
  }, 60_000);

  it('leave no delivery without an end', async () => {
    const summary = await evidenceOf(system);
    expect(summary.faults.unsettled).toEqual([]);
    expect(summary.settled).toEqual({ 'delivered-once': 20 });
    expect(summary.deadLettered).toBe(2);
  }, 30_000);
});
