import { System, testConfiguration, type PartnerRule } from '#libs/testkit/src/index.js';
import { produceEvents } from './backlog.js';
import type { Bench } from './bench.js';
import { servicesFromEnvironment } from './environment.js';
import { figure, rounded } from './figures.js';
import { startPartnerProcess, type PartnerProcess } from './partner-process.js';

const LATENCY_MS = 20;
const IN_FLIGHT = 32;
const RUNS = 3;
const EVENTS = 12_000;

/** How a destination can be down: it refuses at once, or it takes the request and never answers, which holds its lanes. */
const DOWN: readonly (readonly [name: string, rules: readonly PartnerRule[]])[] = [
  ['answers 503', [{ status: 503 }]],
  ['hangs', [{ fault: 'hang-before-commit' }]],
];

/**
 * One of two destinations down: what the other one gets through, beside the same load with both of them well. The healthy partner's
 * own pace (20 ms, 32 in flight) is the limit, so that what is measured is the bulkhead and not the machine.
 */
export const bulkhead: Bench = {
  name: 'bulkhead',
  about: 'two destinations, one down: the throughput of the healthy one',
  run: async (report) => {
    const [well, other] = await Promise.all([startPartnerProcess(), startPartnerProcess()]);
    try {
      const control = await throughput(well, other, [{ latencyMs: LATENCY_MS }]);
      for (const [name, rules] of DOWN) {
        const beside = await throughput(well, other, rules);
        const findings = { n: EVENTS, down: name, perSecond: { control: figure(control), besideOneDown: figure(beside) } };
        report({ ...findings, ratio: rounded(figure(beside).median / figure(control).median), target: '>= 0.95' });
      }
    } finally {
      await Promise.all([well.stop(), other.stop()]);
    }
  },
};

async function throughput(well: PartnerProcess, other: PartnerProcess, otherRules: readonly PartnerRule[]): Promise<number[]> {
  await Promise.all([well.setRules([{ latencyMs: LATENCY_MS }]), other.setRules(otherRules)]);
  const destination = (name: string, partner: PartnerProcess) => ({
    name,
    url: `${partner.url}/orders/{entity}`,
    maxInFlight: IN_FLIGHT,
    timeout: '2s',
  });
  const system = await System.start({
    services: servicesFromEnvironment(),
    apps: ['dedupe', 'deliver'],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        tiers: ['5s', '30s'],
        sources: ['shop'],
        destinations: [destination('well', well), destination('other', other)],
      }),
  });
  try {
    const rates: number[] = [];
    for (let run = 0; run <= RUNS; run++) {
      await Promise.all([well.reset(), other.reset()]);
      const startedMs = performance.now();
      await produceEvents(system, `r${run}`, EVENTS);
      const endedMs = await well.waitForStored(EVENTS, 120_000);
      if (run > 0) rates.push((EVENTS / (endedMs - startedMs)) * 1_000);
    }
    return rates;
  } finally {
    await system.stop();
  }
}
