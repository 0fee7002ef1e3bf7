import { System, testConfiguration, waitFor } from '#libs/testkit/src/index.js';
import { produceEvents } from './backlog.js';
import type { Bench } from './bench.js';
import { servicesFromEnvironment } from './environment.js';
import { figure, rounded } from './figures.js';
import { startPartnerProcess } from './partner-process.js';

const LATENCY_MS = 20;
const CONNECTIONS = 8;
const MAX_EVENTS = 50;
const RUNS = 3;
const SINGLE = 2_000;
const BULK = 20_000;

const results = { pointer: '/items', id: '/item', status: '/status' };
const batch = { maxEvents: MAX_EVENTS, maxWait: '20ms', key: '/id', results };

/** The same partner, latency and connections; what differs is how many events go in one call. */
export const bulk: Bench = {
  name: 'bulk',
  about: `a partner that takes ${LATENCY_MS} ms on ${CONNECTIONS} connections: one event a call, and ${MAX_EVENTS}`,
  run: async (report) => {
    const single = await measure('single', SINGLE, {});
    const together = await measure('bulk', BULK, { batch });
    report({
      singlePerSecond: single,
      singleLimit: (CONNECTIONS / LATENCY_MS) * 1_000,
      bulkPerSecond: together,
      ratio: rounded(together.median / single.median),
      target: '>= 10',
      n: { single: SINGLE, bulk: BULK },
    });
  },
};

async function measure(tag: string, count: number, more: Readonly<Record<string, unknown>>) {
  const partner = await startPartnerProcess();
  await partner.setRules([{ latencyMs: LATENCY_MS }, { path: '/bulk', bulk: {} }]);
  const url = `${partner.url}/${tag}`;
  const system = await System.start({
    services: servicesFromEnvironment(),
    apps: ['dedupe', 'deliver'],
    configuration: (prefix) =>
      testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: tag, url, maxInFlight: CONNECTIONS, more }] }),
  });
  try {
    const rates: number[] = [];
    const judged = async (): Promise<number> => (await system.app('dedupe').metrics()).sum('holdfast_events_judged_total');
    let before = await judged();
    for (const run of ['warm', ...Array.from({ length: RUNS }, (_, i) => `r${i}`)]) {
      await partner.reset();
      // The backlog stands before deliver comes: what is measured is the calls.
      await system.app('deliver').stop();
      await produceEvents(system, `${tag}-${run}`, count);
      await waitFor(async () => (await judged()) >= before + count, { what: 'the backlog', withinMs: 120_000, everyMs: 200 });
      before += count;
      system.app('deliver').start();
      const first = Math.ceil(count / 10);
      const startedMs = await partner.waitForStored(first, 120_000);
      const begun = (await partner.stats()).stored;
      const endedMs = await partner.waitForStored(count, 120_000);
      if (run !== 'warm') rates.push(((count - begun) / (endedMs - startedMs)) * 1_000);
    }
    return figure(rates);
  } finally {
    await system.stop();
    await partner.stop();
  }
}
