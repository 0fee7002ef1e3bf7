import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { foldHistories, type DestinationVerdict } from '#libs/ledger/src/index.js';
import {
  erpTopic,
  faultsOf,
  foldEvidence,
  orderBody,
  postWebhooks,
  runSeed,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type AppHandle,
  type Evidence,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded, readAll, services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: what a partner committed before the connection dropped is neither doubled nor forgotten, under each rule for unknown outcomes.
// Method: one partner a rule drops 10 % of the connections behind the commit, deliver is killed with -9 in between; then the verdicts
// that Kafka's facts come to are compared with each partner's own books, event by event.
// HOLDFAST_DROPS (default 1000 events) and HOLDFAST_DROP_KILLS (default 4) set the size, HOLDFAST_SEED replays.

const EVENTS = Number(process.env['HOLDFAST_DROPS'] ?? 1_000);
const KILLS = Number(process.env['HOLDFAST_DROP_KILLS'] ?? 4);
const PER_SECOND = 100;
const DRAIN_MAX_MS = 300_000;
/** A counter dies with its process: what was counted between the last look and a kill is not seen. */
const UNSEEN_PER_KILL = 10;
const RULES = ['idempotency-key', 'lookup', 'hold', 'resend'] as const;
type Rule = (typeof RULES)[number];

const seed = runSeed();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const partners = {} as Record<Rule, Partner>;
let system: System;

beforeAll(async () => {
  say(`commits-then-drops: seed ${seed}, ${EVENTS} events, ${KILLS} kills; again with HOLDFAST_SEED=${seed}`);
  for (const [n, rule] of RULES.entries()) {
    partners[rule] = await startPartner({
      seed: seed + n,
      storedMax: 100_000,
      arrivalsMax: 100_000,
      idempotency: { enabled: rule === 'idempotency-key' },
      rules: [{ latencyMs: { min: 0, max: 20 } }, { name: 'drop', share: 0.1, fault: 'reset-after-commit' }],
    });
  }
  const tiers = ['500ms', '1s', '2s', '3s', '4s', '5s', '6s'];
  system = await System.start({
    services: services(),
    replicas: { deliver: 2 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        tiers,
        destinations: RULES.map((rule) => ({
          name: rule,
          url: `${partners[rule].url}/orders/{entity}`,
          timeout: '3s',
          more: {
            unknown: {
              resolve: rule,
              settle: '500ms',
              ...(rule === 'lookup' && { lookup: { url: `${partners[rule].url}/orders?externalId={id}`, creates: true } }),
            },
            // The faults are the partner's way here, not an outage of it.
            breaker: { failures: 1_000_000, rate: { share: 1, atLeast: 1_000_000 } },
          },
        })),
      }),
  });
}, 180_000);
afterAll(async () => {
  await system?.stop();
  await Promise.all(Object.values(partners).map((partner) => partner.close()));
}, 120_000);

/** The last look at each life's counter of doubles: a killed process takes it along. */
class CountedDuplicates {
  private readonly lives = new Map<string, number>();

  async look(handles: readonly AppHandle[]): Promise<void> {
    const looks = handles
      .filter((handle) => handle.isRunning)
      .map(async (handle) => {
        const life = `${handle.name} ${handle.pid}`;
        const metrics = await handle.metrics().catch(() => null);
        if (metrics) this.lives.set(life, metrics.sum('holdfast_duplicates_sent_total', { destination: 'resend' }));
      });
    await Promise.all(looks);
  }

  total(): number {
    return [...this.lives.values()].reduce((a, b) => a + b, 0);
  }
}

/** Spread over the whole way: each when so much more has been delivered, so that none falls into the start of the one before. */
async function killNowAndThen(deliverers: readonly AppHandle[], counted: CountedDuplicates): Promise<number> {
  let kills = 0;
  for (; kills < KILLS; kills++) {
    const wanted = Math.floor(((kills + 1) * EVENTS) / (KILLS + 1));
    await waitFor(() => partners.resend.stats().unique >= wanted, {
      what: `${wanted} events delivered`,
      withinMs: DRAIN_MAX_MS,
      everyMs: 10,
    });
    const victim = deliverers[kills % deliverers.length]!;
    await counted.look([victim]);
    await victim.kill();
    say(`  kill -9 ${victim.name}; stored ${RULES.map((rule) => partners[rule].stats().stored).join(', ')}`);
    victim.start();
    await victim.ready(60_000);
  }
  return kills;
}

const verdictsOf = ({ events, facts }: Evidence): Map<string, Readonly<Record<string, DestinationVerdict>>> =>
  new Map(
    foldHistories({ received: events, facts, traces: [], passed: () => null }).map(({ event, verdicts }) => [event.id, verdicts] as const),
  );

const timesStored = (partner: Partner): Map<string, number> => {
  const times = new Map<string, number>();
  for (const { eventId } of partner.store.all()) times.set(eventId ?? '', (times.get(eventId ?? '') ?? 0) + 1);
  return times;
};

/** How a verdict and the partner's books contradict each other; null: they agree. */
function contradiction(rule: Rule, verdict: DestinationVerdict, times: number): string | null {
  const isRight = ((): boolean => {
    switch (verdict.verdict) {
      case 'delivered-once':
        return times === 1;
      case 'delivered-once-by-proof':
        return times === 1 && (rule === 'idempotency-key' || rule === 'lookup');
      case 'delivered-maybe-twice':
        return rule === 'resend' && times >= 1;
      case 'waiting':
        return rule === 'hold' && verdict.held && times <= 1;
      default:
        return false;
    }
  })();
  return isRight ? null : `${verdict.verdict}, stored ${times} times`;
}

describe(`a partner that commits and then drops the connection (seed ${seed})`, () => {
  it(
    `has every one of ${EVENTS} events accounted for, whatever the rule`,
    async () => {
      const deliverers = system.handles.filter(({ app }) => app === 'deliver');
      const counted = new CountedDuplicates();
      const looking = setInterval(() => void counted.look(deliverers), 100);
      const orders = Array.from({ length: EVENTS }, (_, n) => ({ id: `e-${n}`, entity: `o-${n % 400}`, revision: n }));
      const door = {
        url: system.ingestUrl,
        source: 'shop',
        signing: shopSigning,
        connectionsMax: 8,
        perSecond: PER_SECOND,
        keepTrying: true,
      };
      const posting = postWebhooks(
        door,
        orders.map((order) => ({ tag: order.id, body: orderBody(order) })),
      );
      const killing = killNowAndThen(deliverers, counted);
      const { refused } = await posting;
      const kills = await killing;
      expect(refused).toEqual([]);
      await waitFor(() => RULES.every((rule) => partners[rule].stats().unique >= EVENTS || rule === 'hold'), {
        what: 'every event at the partners',
        withinMs: DRAIN_MAX_MS,
        everyMs: 500,
        seen: () => RULES.map((rule) => ({ rule, ...partners[rule].stats() })),
      });
      const summary = await everythingEnded(system, EVENTS, DRAIN_MAX_MS);
      clearInterval(looking);
      await counted.look(deliverers);
      const evidence = await readAll(system);
      expect(faultsOf(foldEvidence(evidence))).toEqual({});
      expect(faultsOf(summary)).toEqual({});

      const verdicts = verdictsOf(evidence);
      expect(verdicts.size).toBe(EVENTS);
      const wrong: string[] = [];
      for (const rule of RULES) {
        const times = timesStored(partners[rule]);
        const words: Record<string, number> = {};
        for (const [id, of] of verdicts) {
          const verdict = of[rule]!;
          words[verdict.verdict] = (words[verdict.verdict] ?? 0) + 1;
          const found = contradiction(rule, verdict, times.get(id) ?? 0);
          if (found) wrong.push(`${rule} ${id}: ${found}`);
        }
        const { stored, unique, doubles, lookups, replayed } = partners[rule].stats();
        const dropped = partners[rule].arrivals.newest(100_000).filter((arrival) => arrival.rule === 'drop').length;
        say(
          `  ${rule}: ${JSON.stringify(words)}; the partner's books: ${JSON.stringify({ stored, unique, doubles, dropped, lookups, replayed })}`,
        );
      }
      say(`  kills ${kills}; doubles counted ${counted.total()}, at the partner ${partners.resend.stats().doubles}`);
      expect(wrong).toEqual([]);
      for (const rule of ['idempotency-key', 'lookup'] as const)
        expect([rule, partners[rule].stats()]).toMatchObject([rule, { stored: EVENTS, unique: EVENTS, doubles: 0 }]);
      expect(partners.hold.stats().doubles).toBe(0);
      expect(partners.resend.stats().doubles).toBeGreaterThan(0);
      expect(counted.total()).toBeGreaterThanOrEqual(partners.resend.stats().doubles - kills * UNSEEN_PER_KILL);
    },
    (EVENTS / PER_SECOND) * 3_000 + KILLS * 30_000 + 2 * DRAIN_MAX_MS,
  );
});
