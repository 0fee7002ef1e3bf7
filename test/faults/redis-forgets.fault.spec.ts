import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startOwnStack, type OwnStack } from '#libs/testkit/src/stack.js';
import {
  erpTopic,
  faultsOf,
  orderBody,
  postWebhooks,
  runSeed,
  seededRandom,
  servicesFrom,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded, shopSigning } from '../fixtures/end-to-end.js';

// Goal: a Redis that forgets everything in mid-load is rebuilt from the log, and no duplicate passes.
// Method: every order is sent twice under two ids, the second time in another order, with FLUSHALLs in both; the partner ignores
// idempotency keys, so what passes is seen.

const ORDERS = 3_000;
const FLUSHES = 3;

const seed = runSeed();
let stack: OwnStack;
let partner: Partner;
let system: System;

beforeAll(async () => {
  stack = await startOwnStack();
  partner = await startPartner({ idempotency: { enabled: false } });
  system = await System.start({
    services: servicesFrom(stack.environment)!,
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) => testConfiguration({ prefix, destinations: [{ name: 'portal', url: `${partner.url}/orders/{entity}` }] }),
  });
}, 300_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
  await stack?.stop();
}, 120_000);

describe(`FLUSHALL in mid-load (seed ${seed})`, () => {
  it('lets no duplicate pass and loses nothing', async () => {
    const redis = new Redis(stack.redis.address);
    const random = seededRandom(seed);
    const orders = Array.from({ length: ORDERS }, (_, i) => ({ entity: `o-${i % 100}`, revision: i }));
    const post = async (run: string): Promise<void> => {
      const webhooks = random.shuffle(orders).map((order) => {
        const id = `${run}-${order.revision}`;
        return { tag: id, body: orderBody({ id, ...order }) };
      });
      const flushes = Array.from({ length: FLUSHES }, async () => {
        await new Promise((resolve) => setTimeout(resolve, random.between(100, 2_500)));
        await redis.flushall();
      });
      const door = { url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 8, perSecond: 1_000, keepTrying: true };
      expect((await postWebhooks(door, webhooks)).refused).toEqual([]);
      await Promise.all(flushes);
    };
    await post('a');
    await post('b');

    await waitFor(() => partner.stats().unique >= ORDERS, {
      what: 'every order at the partner',
      withinMs: 120_000,
      everyMs: 250,
      seen: () => partner.stats(),
    });
    const summary = await everythingEnded(system, 2 * ORDERS, 120_000);
    redis.disconnect();

    expect(faultsOf(summary)).toEqual({});
    expect(summary.judged).toEqual({ accepted: ORDERS, duplicate: ORDERS });
    // A start that Redis forgot may have landed: `idempotency-key` sends it again under its key, and the verdict says so.
    const { 'delivered-once': once = [], 'delivered-once-by-proof': byProof = [], ...others } = summary.settledIds['portal']!;
    expect(others).toEqual({});
    expect(once.length + byProof.length).toBe(ORDERS);
    const doubled = new Set(partner.doubles().map(({ key }) => key.split(' ')[0]));
    expect([...doubled].filter((id) => !byProof.includes(id!))).toEqual([]);
    expect((await system.app('dedupe').metrics()).sum('holdfast_redis_rebuilds_total')).toBeGreaterThan(0);
  }, 360_000);
});
