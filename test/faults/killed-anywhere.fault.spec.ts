import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOwnStack, type OwnStack } from '#libs/testkit/src/stack.js';
import {
  erpTopic,
  faultsOf,
  runChaos,
  runSeed,
  seededRandom,
  servicesFrom,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type AppHandle,
  type ChaosTarget,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded } from '../fixtures/end-to-end.js';
import { steadyLoad } from '../fixtures/steady-load.js';

// Goal: nothing acknowledged is lost, wherever and whenever something is killed; with idempotency keys nothing is stored twice, and with
// `resend` each double is in the verdict and in the metric.
// Method: kill -9 at moments the seed decides, under load, of each app, Redis and the broker; then what the partners' own books and
// Kafka's facts say is compared with what was acknowledged. HOLDFAST_KILLS (default 60) and HOLDFAST_SEED set length and replay.

const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 60);
/** The longest a kill may take: pause, down time, start, and the recovery that the next one may interrupt. */
const PER_KILL_MAX_MS = 15_000;
const DRAIN_MAX_MS = 240_000;

const seed = runSeed();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
let stack: OwnStack;
let keyed: Partner;
let blind: Partner;
let system: System;

beforeAll(async () => {
  say(`killed-anywhere: seed ${seed}, ${KILLS} kills; again with HOLDFAST_SEED=${seed}`);
  stack = await startOwnStack();
  const rules = [{ latencyMs: { min: 0, max: 40 } }];
  keyed = await startPartner({ seed, storedMax: 500_000, rules });
  blind = await startPartner({ seed, storedMax: 500_000, rules, idempotency: { enabled: false } });
  const tiers = ['500ms', '1s', '2s', '5s', '10s'];
  const times = { timeout: '3s', settle: '1s' };
  system = await System.start({
    services: servicesFrom(stack.environment)!,
    replicas: { dedupe: 2, deliver: 2 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        tiers,
        destinations: [
          { name: 'keyed', url: `${keyed.url}/orders/{entity}`, resolve: 'idempotency-key', ...times },
          { name: 'blind', url: `${blind.url}/orders/{entity}`, resolve: 'resend', ...times },
        ],
      }),
  });
}, 300_000);
afterAll(async () => {
  await system?.stop();
  await Promise.all([keyed?.close(), blind?.close()]);
  await stack?.stop();
}, 120_000);

/** The duplicates an app has counted over all its lives: the last scrape of each life, since a killed process takes its counters along. */
class CountedDuplicates {
  private readonly lives = new Map<string, number>();

  async scrape(handles: readonly AppHandle[]): Promise<void> {
    const scrapes = handles
      .filter((handle) => handle.isRunning)
      .map(async (handle) => {
        const life = `${handle.name} ${handle.pid}`;
        const metrics = await handle.metrics().catch(() => null);
        if (metrics) this.lives.set(life, metrics.sum('holdfast_duplicates_sent_total', { destination: 'blind' }));
      });
    await Promise.all(scrapes);
  }

  total(): number {
    return [...this.lives.values()].reduce((a, b) => a + b, 0);
  }
}

const appTarget = (handle: AppHandle, weight: number): ChaosTarget => ({
  name: handle.name,
  weight,
  kill: () => handle.kill(),
  start: () => handle.start(),
});

describe(`${KILLS} kills -9 under load (seed ${seed})`, () => {
  it(
    'lose nothing that was acknowledged, and every double is accounted for',
    async () => {
      const load = steadyLoad(system, { webhooksPerSecond: 60, recordsPerSecond: 60, entities: 200 });
      const counted = new CountedDuplicates();
      const deliverers = system.handles.filter(({ app }) => app === 'deliver');
      const scraping = setInterval(() => void counted.scrape(deliverers), 250);
      const weights = { ingest: 3, dedupe: 2, deliver: 3, 'dlq-handler': 1, ledger: 0, console: 0 };
      const kills = await runChaos({
        random: seededRandom(seed),
        kills: KILLS,
        targets: [
          ...system.handles.map((handle) => appTarget(handle, weights[handle.app])),
          { name: 'redis', weight: 3, kill: () => stack.redis.kill(), start: () => stack.redis.start() },
          { name: 'kafka', weight: 3, kill: () => stack.kafka.kill(), start: () => stack.kafka.start() },
        ],
        pauseMs: [300, 5_000],
        downMs: [0, 2_000],
        onKill: ({ target, atMs, downMs }) =>
          say(
            `  ${(atMs / 1_000).toFixed(1)} s: kill -9 ${target}, down ${downMs} ms; acknowledged ${load.acknowledged()}, stored ${keyed.stats().unique} and ${blind.stats().unique}`,
          ),
      });
      expect(kills).toHaveLength(KILLS);
      expect(system.handles.filter((handle) => !handle.isRunning).map(({ name }) => name)).toEqual([]);
      await Promise.all(system.handles.map((handle) => handle.ready(90_000)));
      const { all } = await load.stop();

      const missing = (): string[] => [...all].filter((id) => !keyed.store.byEvent(id) || !blind.store.byEvent(id));
      await waitFor(() => missing().length === 0, {
        what: 'everything acknowledged at both partners',
        withinMs: DRAIN_MAX_MS,
        everyMs: 500,
        seen: () => ({ acknowledged: all.size, missing: missing().length, some: missing().slice(0, 10) }),
      });
      const summary = await everythingEnded(system, all.size, DRAIN_MAX_MS);
      clearInterval(scraping);
      await counted.scrape(deliverers);

      const { received, judged, settled } = summary;
      const doubles = { keyed: keyed.stats().doubles, blind: blind.stats().doubles, counted: counted.total() };
      say(`  acknowledged ${all.size}; ${JSON.stringify({ received, judged, settled, doubles })}`);
      expect(faultsOf(summary)).toEqual({});
      expect(summary.deadLettered).toBe(0);
      expect(keyed.doubles()).toEqual([]);
      const told = new Set(summary.settledIds['blind']?.['delivered-maybe-twice']);
      const untold = blind
        .doubles()
        .map(({ key }) => key.split(' ')[0]!)
        .filter((id) => !told.has(id));
      expect(untold).toEqual([]);
      expect(doubles.counted).toBeGreaterThanOrEqual(doubles.blind);
    },
    KILLS * PER_KILL_MAX_MS + 2 * DRAIN_MAX_MS,
  );
});
