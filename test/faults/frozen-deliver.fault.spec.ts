import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { erpTopic, faultsOf, startPartner, System, testConfiguration, waitFor, type Partner } from '#libs/testkit/src/index.js';
import { everythingEnded, services } from '../fixtures/end-to-end.js';
import { steadyLoad } from '../fixtures/steady-load.js';

// Goal: a deliver that is frozen while its partitions move sends nothing more of them when it wakes, whatever it had claimed or queued.
// Method: two replicas under load against a partner that remembers no keys; SIGSTOP one for longer than a session and all quiet times;
// what had been stored when it wakes must not arrive again. HOLDFAST_FREEZE_SECONDS (default 30); the full run is 60.

const FREEZE_MS = Number(process.env['HOLDFAST_FREEZE_SECONDS'] ?? 30) * 1_000;
/** The session, and a rebalance on a slow machine. */
const MOVED_MAX_MS = 60_000;
/** Longer than a request may still be on its way: what arrives within it may have been sent before. */
const AFTERMATH_MS = 8_000;
const arrivalsMax = 200_000;
let partner: Partner;
let system: System;

beforeAll(async () => {
  partner = await startPartner({ arrivalsMax, rules: [{ latencyMs: { min: 0, max: 400 } }], idempotency: { enabled: false } });
  system = await System.start({
    services: services(),
    replicas: { deliver: 2 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        // Few slots, so that many have a place in the line, and some a claim, when the process freezes.
        destinations: [
          { name: 'portal', url: `${partner.url}/orders/{entity}`, resolve: 'resend', timeout: '3s', settle: '1s', maxInFlight: 24 },
        ],
      }),
  });
}, 180_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 90_000);

describe('a frozen deliver', () => {
  it(
    'sends nothing more when it wakes after its partitions have moved',
    async () => {
      const load = steadyLoad(system, { webhooksPerSecond: 20, recordsPerSecond: 30, entities: 500 });
      await sleep(4_000);
      const frozen = system.app('deliver', 0);
      frozen.freeze();
      const frozenAt = Date.now();
      const { length: before } = partner.arrivals.newest(arrivalsMax);
      await sleep(FREEZE_MS);
      let lagRecords = Infinity;
      const lag = async (): Promise<number> =>
        (lagRecords = (await system.app('deliver', 1).metrics()).sum('holdfast_lag_records', { group: groupOf(system) }));
      await waitFor(async () => (await lag()) < 500, {
        what: 'the other deliver having caught up with all partitions',
        withinMs: MOVED_MAX_MS,
        everyMs: 250,
        seen: () => ({ lagRecords }),
      }).catch(async (error: unknown) => {
        frozen.thaw();
        await load.stop();
        throw error;
      });
      const atThaw = partner.arrivals.newest(arrivalsMax);
      expect(atThaw.length).toBeGreaterThan(before);
      const storedBefore = new Set(atThaw.filter(({ stored }) => stored > 0).map(({ eventId }) => eventId));
      const thawedAt = Date.now();
      frozen.thaw();
      await sleep(AFTERMATH_MS);
      const again = partner.arrivals
        .newest(arrivalsMax)
        .filter(({ at, eventId, method }) => at >= thawedAt && method !== 'GET' && storedBefore.has(eventId));
      expect(again).toEqual([]);
      const { all } = await load.stop();
      const summary = await everythingEnded(system, all.size, 120_000);
      expect(faultsOf(summary)).toEqual({});
      // What was on its way at the freeze was resent blindly, says so, and happened before the awakening.
      const told = new Set(summary.settledIds['portal']?.['delivered-maybe-twice']);
      const doubles = partner.doubles().map(({ key }) => key.split(' ')[0]!);
      expect(doubles.filter((id) => !told.has(id))).toEqual([]);
      process.stderr.write(`  frozen for ${thawedAt - frozenAt} ms; ${all.size} acknowledged, ${doubles.length} doubles, all told\n`);
      await frozen.ready(60_000);
    },
    FREEZE_MS + MOVED_MAX_MS + 240_000,
  );
});

const groupOf = ({ prefix }: System): string => `${prefix}deliver.portal`;
