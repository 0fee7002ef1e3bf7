import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  erpTopic,
  faultsOf,
  runSeed,
  seededRandom,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded, services } from '../fixtures/end-to-end.js';
import { steadyLoad } from '../fixtures/steady-load.js';

// Goal: replicas that join and leave cost no double, though the partner remembers nothing and unknown outcomes are resent blindly: what
// was started is waited for, and whoever takes over learns how it ended.
// Method: a replica of deliver joins and leaves every 5 s under load, while the partner takes up to 8.5 s for a request; then its own books
// are read for doubles. HOLDFAST_REBALANCE_SECONDS (default 40) sets the length; the full run is 120.

const SECONDS = Number(process.env['HOLDFAST_REBALANCE_SECONDS'] ?? 40);
const EVERY_MS = 5_000;
const seed = runSeed();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
let partner: Partner;
let system: System;

beforeAll(async () => {
  const rules = [{ share: 0.02, latencyMs: { min: 1_000, max: 8_500 } }, { latencyMs: { min: 0, max: 150 } }];
  partner = await startPartner({ seed, rules, idempotency: { enabled: false } });
  system = await System.start({
    services: services(),
    replicas: { deliver: 3 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        destinations: [{ name: 'portal', url: `${partner.url}/orders/{entity}`, resolve: 'resend', timeout: '10s', settle: '1s' }],
      }),
  });
}, 180_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 90_000);

describe(`replicas of deliver that join and leave (seed ${seed})`, () => {
  it(
    'make no double under resend',
    async () => {
      const random = seededRandom(seed);
      const load = steadyLoad(system, { webhooksPerSecond: 60, recordsPerSecond: 60, entities: 500 });
      const endsAt = performance.now() + SECONDS * 1_000;
      let changes = 0;
      while (performance.now() < endsAt) {
        const moving = system.app('deliver', random.between(1, 3) < 2 ? 1 : 2);
        await sleep(EVERY_MS);
        const began = performance.now();
        await moving.stop();
        say(`  ${moving.name} left in ${Math.round(performance.now() - began)} ms; stored ${partner.stats().stored}`);
        await sleep(EVERY_MS);
        moving.start();
        await moving.ready(60_000);
        changes += 2;
      }
      const { all } = await load.stop();
      const missing = (): string[] => [...all].filter((id) => partner.store.byEvent(id) === undefined);
      await waitFor(() => missing().length === 0, {
        what: 'everything acknowledged at the partner',
        withinMs: 120_000,
        everyMs: 250,
        seen: () => ({ acknowledged: all.size, missing: missing().slice(0, 10) }),
      });
      const summary = await everythingEnded(system, all.size, 90_000);
      const { received, settled } = summary;
      say(`  ${changes} changes, acknowledged ${all.size}: ${JSON.stringify({ received, settled, partner: partner.stats() })}`);
      expect(faultsOf(summary)).toEqual({});
      expect(partner.doubles()).toEqual([]);
      expect(changes).toBeGreaterThan(1);
    },
    SECONDS * 1_000 + 400_000,
  );
});
