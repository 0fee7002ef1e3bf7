import { System, testConfiguration } from '#libs/testkit/src/index.js';
import { produceEvents } from './backlog.js';
import type { Bench } from './bench.js';
import { servicesFromEnvironment } from './environment.js';
import { figure, rounded } from './figures.js';
import { startPartnerProcess } from './partner-process.js';

const LATENCY_MS = 50;
const IN_FLIGHT = 100;
const LIMIT = (IN_FLIGHT / LATENCY_MS) * 1_000;
const RUNS = 3;
const EVENTS = 16_000;
const WARM_UP = 4_000;

/** A partner that takes its time: what counts is how many lanes are kept busy, one at a time for each entity. */
export const slowPartner: Bench = {
  name: 'slow-partner',
  about: `a partner that takes ${LATENCY_MS} ms, ${IN_FLIGHT} in flight, order by entity; the limit is ${LIMIT}/s`,
  run: async (report) => {
    const partner = await startPartnerProcess();
    await partner.setRules([{ latencyMs: LATENCY_MS }]);
    const url = `${partner.url}/orders/{entity}`;
    const system = await System.start({
      services: servicesFromEnvironment(),
      apps: ['dedupe', 'deliver'],
      configuration: (prefix) =>
        testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'slow', url, maxInFlight: IN_FLIGHT }] }),
    });
    try {
      const rates: number[] = [];
      let overlaps = 0;
      for (const [tag, count] of [['warm', WARM_UP], ...Array.from({ length: RUNS }, (_, i) => [`r${i}`, EVENTS] as const)] as const) {
        await partner.reset();
        const startedMs = performance.now();
        await produceEvents(system, tag, count);
        const endedMs = await partner.waitForStored(count, 120_000);
        if (tag !== 'warm') rates.push((count / (endedMs - startedMs)) * 1_000);
        overlaps += (await partner.stats()).overlaps;
      }
      const perSecond = figure(rates);
      report({
        n: EVENTS,
        perSecond,
        limit: LIMIT,
        shareOfLimit: rounded(perSecond.median / LIMIT),
        target: '>= 0.85',
        overlapsWithinAnEntity: overlaps,
      });
    } finally {
      await system.stop();
      await partner.stop();
    }
  },
};
