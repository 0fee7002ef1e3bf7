import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  erpTopic,
  faultsOf,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type Arrival,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded, services } from '../fixtures/end-to-end.js';
import { AlertsHook, breakerPhases, now, rampLevelAfter, serviceOf, TimedLoad, type Phase } from '../fixtures/outage.js';

// Goal: a partner that is down costs no other partner anything, and its own deliveries only their time. Nothing is spent beyond what
// tripped its breaker, nothing lost, doubled or dead-lettered; it is probed by one replica at doubled times; no crash, restart or
// rebalance of ours opens the door; it comes back in a ramp; people hear of it once; a partner that flaps is not hammered.
// Method: three partners under one steady load. One answers 503, then hangs, then refuses connections; another flaps; what is judged
// is the partners' own timelines, and the third partner against its own control in the same run. The tests are the run's acts, in order.
// HOLDFAST_OUTAGE_SECONDS (default 12) is the length of each control and of each way to be down; the flapping takes twice that.

const ACT_MS = Number(process.env['HOLDFAST_OUTAGE_SECONDS'] ?? 12) * 1_000;
const PER_SECOND = 40;
const FAILURES = 5;
const PROBE = { firstMs: 500, maxMs: 4_000 };
/** Long enough to double for as long as it flaps. */
const FLAKY_PROBE = { firstMs: 600, maxMs: 60_000 };
const IN_FLIGHT_MAX = 32;
const LATENCY_MS = 100;
/** What a loaded machine may be late by. */
const SLACK_MS = 1_500;

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);
const hook = new AlertsHook();
let [down, well, flaky]: Partner[] = [];
let system: System;
let load: TimedLoad;
const control: Phase[] = [];
const outage: Phase[] = [];
let trippedMs = 0;
let backMs = 0;

const requests = (fromMs: number, untilMs = Infinity): Arrival[] =>
  down!.arrivals.newest(200_000).filter(({ at }) => at >= fromMs && at < untilMs);
const working = () => [0, 1, 2].map((replica) => system.app('deliver', replica)).filter(({ isRunning }) => isRunning);
const act = async (into: Phase[]): Promise<Phase> => {
  const fromMs = now();
  await sleep(ACT_MS);
  into.push({ fromMs, untilMs: now() });
  return into.at(-1)!;
};
const gauges = () =>
  Promise.all(working().map(async (each) => (await each.metrics()).sum('holdfast_breaker_state', { destination: 'down' })));
const everyBreaker = (isIt: (gauge: number) => boolean, what: string, withinMs = 60_000) =>
  waitFor(async () => (await gauges()).every(isIt), { what, withinMs, everyMs: 100 });
const missing = (partner: Partner): number => [...load.sentAt.keys()].filter((id) => !partner.store.byEvent(id)).length;
const allArrive = (partner: Partner, withinMs = 180_000): Promise<unknown> =>
  waitFor(() => missing(partner) <= PER_SECOND, {
    what: 'the backlog at the partner',
    withinMs,
    everyMs: 250,
    seen: () => missing(partner),
  });

beforeAll(async () => {
  const url = await hook.listen();
  const many = { arrivalsMax: 200_000, rules: [{ latencyMs: LATENCY_MS }] };
  [down, well, flaky] = await Promise.all([startPartner(many), startPartner(many), startPartner(many)]);
  const destination = (name: string, partner: Partner, { firstMs, maxMs } = PROBE) => ({
    name,
    url: `${partner.url}/orders/{entity}`,
    timeout: '1s',
    settle: '500ms',
    maxInFlight: IN_FLIGHT_MAX,
    more: { breaker: { failures: FAILURES, probe: { first: `${firstMs}ms`, max: `${maxMs}ms` } } },
  });
  system = await System.start({
    services: services(),
    apps: ['ingest', 'dedupe', 'deliver'],
    replicas: { deliver: 3 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) => ({
      ...testConfiguration({
        prefix,
        sources: ['erp'],
        destinations: [destination('down', down!), destination('well', well!), destination('flaky', flaky!, FLAKY_PROBE)],
      }),
      alerts: [{ name: 'ops', webhook: { url }, on: ['breaker'] }],
    }),
  });
  await system.app('deliver', 2).stop();
  load = new TimedLoad(system, PER_SECOND).start();
  await waitFor(() => down!.store.counters.stored > 4 * PER_SECOND && well!.store.counters.stored > 4 * PER_SECOND, {
    what: 'a warm system',
    withinMs: 60_000,
  });
}, 180_000);
afterAll(async () => {
  await load?.stop();
  await system?.stop();
  await Promise.all([down?.close(), well?.close(), flaky?.close(), hook.close()]);
}, 90_000);

describe('an outage of one of two partners', () => {
  it(
    'is probed by one of two replicas, at doubled times up to the cap',
    async () => {
      await act(control);
      // As slow to fail as to succeed: outcomes come in the order of requests.
      down!.setRules([{ latencyMs: LATENCY_MS, status: 503 }]);
      const first = await act(outage);
      await everyBreaker((gauge) => gauge > 0, 'open breakers');
      const seen = requests(first.fromMs, first.untilMs).filter(({ status }) => status === 503);
      // What was under way when it tripped ends in a burst; each further request is a probe, and alone.
      const burst = seen.filter(({ at }) => at - seen[0]!.at < PROBE.firstMs * 0.8);
      trippedMs = burst.at(-1)!.at;
      const probes = seen.slice(burst.length).map(({ at }) => at);
      const gaps = probes.map((at, n) => Math.round(at - (probes[n - 1] ?? trippedMs)));
      say(`503: ${burst.length} requests until all were held, then probes after ${gaps.join(', ')} ms`);
      expect(probes.length).toBeGreaterThanOrEqual(3);
      gaps.slice(1).forEach((gapMs, n) => {
        const waitMs = Math.min(PROBE.maxMs, PROBE.firstMs * 2 ** (n + 1));
        expect(gapMs).toBeGreaterThanOrEqual(waitMs - 20);
        expect(gapMs).toBeLessThan(waitMs + SLACK_MS);
      });
      expect(burst.length).toBeLessThanOrEqual(2 * IN_FLIGHT_MAX);
      down!.setRules([{ fault: 'hang-before-commit' }]);
      const second = await act(outage);
      await down!.goAway();
      await act(outage);
      const hung = requests(second.fromMs, second.untilMs).length;
      say(`hanging: ${hung} requests`);
      expect(hung).toBeLessThanOrEqual(ACT_MS / PROBE.maxMs + 1);
      await down!.comeBack();
    },
    4 * ACT_MS + 90_000,
  );

  it('stays shut when a replica is killed, when all are started anew, and when one joins', async () => {
    down!.setRules([{ status: 503 }]);
    const fromMs = now();
    const [a, b, c] = [0, 1, 2].map((replica) => system.app('deliver', replica));
    await a!.kill();
    a!.start();
    await a!.ready(60_000);
    await Promise.all([a!.stop(), b!.stop()]);
    a!.start();
    b!.start();
    await Promise.all([a!.ready(60_000), b!.ready(60_000)]);
    await sleep(PROBE.maxMs);
    c!.start();
    await c!.ready(60_000);
    await sleep(2 * PROBE.maxMs);
    await everyBreaker((gauge) => gauge > 0, 'open breakers on all three');
    const seen = requests(fromMs).map(({ at }) => at);
    const gaps = seen.slice(1).map((at, n) => Math.round(at - seen[n]!));
    say(`${Math.round((now() - fromMs) / 1_000)} s of kill, restart and join: probes ${gaps.join(', ')} ms apart`);
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(PROBE.maxMs - 20);
  }, 300_000);

  it('ends in a ramp: 1, 2, 4 … in flight over all replicas', async () => {
    const fromMs = now();
    down!.setRules([{ latencyMs: LATENCY_MS }]);
    await everyBreaker((gauge) => gauge === 0, 'closed breakers');
    backMs = now();
    const seen = requests(fromMs).filter(({ status }) => status !== 503);
    const canaryEndMs = seen[0]!.at + LATENCY_MS;
    expect(seen.filter(({ at }) => at < canaryEndMs - 10)).toHaveLength(1);
    const ramp = seen.slice(1, 2 * IN_FLIGHT_MAX).map(({ at }) => {
      const others = seen.filter((other) => other.at <= at);
      const ended = others.filter((other) => other.at + LATENCY_MS - 10 < at).length;
      return { inFlight: others.length - ended, most: rampLevelAfter(ended - 1) };
    });
    say(`back: in flight ${ramp.map(({ inFlight }) => inFlight).join(' ')}`);
    for (const { inFlight, most } of ramp) expect(inFlight).toBeLessThanOrEqual(most + 1);
    expect(ramp[0]!.inFlight).toBe(1);
    await allArrive(down!);
  }, 300_000);

  it('costs its own deliveries no attempt beyond the run of failures that tripped it', async () => {
    const stored = [...down!.store.all()];
    const spent = stored.filter(({ attempt }) => attempt !== 1);
    say(`of ${stored.length} stored, ${spent.length} had spent an attempt; stored ${JSON.stringify(down!.store.counters)}`);
    expect(spent.length).toBeLessThanOrEqual(FAILURES);
    expect(down!.store.counters.doubles).toBe(0);
  });

  it(
    'costs the other partner nothing',
    async () => {
      await sleep(1_000);
      await act(control);
      const of = (phases: readonly Phase[]) => serviceOf(well!.store.all(), load.sentAt, phases);
      const [calm, beside] = [of(control), of(outage)];
      const each = [...control, ...outage].map((phase) => of([phase]).p99Ms);
      say(
        `the healthy one: control ${JSON.stringify(calm)}, beside the outage ${JSON.stringify(beside)}; p99 of each act ${each.join(', ')} ms`,
      );
      expect(beside.perSecond).toBeGreaterThanOrEqual(0.95 * calm.perSecond);
      expect(beside.p99Ms).toBeLessThanOrEqual(1.5 * calm.p99Ms);
    },
    2 * ACT_MS + 60_000,
  );

  it('is one ticket: raised once, kept current, and resolved with its length', async () => {
    const ofOutage = () => hook.alerts.map(({ body }) => body).filter(({ destination }) => destination === 'down');
    await waitFor(() => ofOutage().at(-1)?.['state'] === 'resolved', { what: 'a resolved ticket', withinMs: 30_000, seen: ofOutage });
    const states = ofOutage().map(({ state, breaker }) => `${String(state)} ${String(breaker)}`);
    const lengthS = (backMs - trippedMs) / 1_000;
    say(`${Math.round(lengthS)} s: ${states.join(', ')}; ${String(ofOutage().at(-1)!['text'])}`);
    // Updates come after 1, then 2, then 4 … more minutes.
    const updates = Math.floor(Math.log2(Math.max(1, (lengthS + 10) / 60 + 1)));
    expect(states.filter((state) => state === 'raised open').length).toBeGreaterThanOrEqual(lengthS > 75 ? 2 : 1);
    expect(states.length - 2).toBeLessThanOrEqual(updates);
    expect(states.filter((state) => state === 'resolved closed')).toHaveLength(1);
    const [raised, last] = [ofOutage()[0]!, ofOutage().at(-1)!];
    expect(raised).toMatchObject({
      alert: 'breaker',
      destination: 'down',
      count: expect.any(Number),
      runbook: expect.any(String),
      correlationIds: [],
    });
    expect(last).toMatchObject({
      alert: 'breaker',
      destination: 'down',
      text: expect.stringMatching(/^down is back after (\d+ min )?\d+ s and \d+ probes: /),
    });
  }, 60_000);

  it(
    'that comes and goes is asked ever more rarely, and all arrives in the end',
    async () => {
      const fromMs = now();
      flaky!.setRules([{ status: 503, window: { fromMs: 2_000, untilMs: 4_000, everyMs: 4_000 } }, { latencyMs: LATENCY_MS }]);
      await sleep(2 * ACT_MS);
      const untilMs = now();
      flaky!.setRules([{ latencyMs: LATENCY_MS }]);
      const phases = working().map((each) => breakerPhases(system, each, 'flaky').filter(({ atMs }) => atMs >= fromMs && atMs < untilMs));
      const opens = Math.max(...phases.map((all) => all.filter(({ from, to }) => from !== 'half-open' && to === 'open').length));
      const refused = flaky!.arrivals.newest(200_000).filter(({ status }) => status === 503).length;
      const cycles = (2 * ACT_MS) / 4_000;
      say(`${cycles} times 2 s up and 2 s down: opened ${opens} times, ${refused} requests while it was down`);
      expect(opens).toBeGreaterThan(0);
      expect(opens).toBeLessThanOrEqual(cycles / 2);
      // Each time what is under way fails, and then probes alone, at doubled times.
      expect(refused).toBeLessThanOrEqual(opens * IN_FLIGHT_MAX + Math.log2((2 * ACT_MS) / FLAKY_PROBE.firstMs) + 1);
      await load.stop();
      const all = [down!, well!, flaky!];
      await waitFor(() => all.every((partner) => missing(partner) === 0), {
        what: 'everything at all three',
        withinMs: 180_000,
        everyMs: 250,
        seen: () => all.map(missing),
      });
      const summary = await everythingEnded(system, load.sentAt.size, 90_000);
      say(`sent ${load.sentAt.size}: ${JSON.stringify({ settled: summary.settled, dead: summary.deadLettered })}`);
      expect(faultsOf(summary)).toEqual({});
      expect([summary.deadLettered, summary.held.length]).toEqual([0, 0]);
      expect(all.flatMap((partner) => partner.doubles())).toEqual([]);
      expect([...well!.store.all()].filter(({ attempt }) => attempt !== 1)).toEqual([]);
    },
    2 * ACT_MS + 400_000,
  );
});
