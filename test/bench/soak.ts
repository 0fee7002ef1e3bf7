/**
 * Ten minutes of steady load: `node dist/test/bench/soak.js [minutes] [events a second]`. Each 30 s one JSON line with the resident memory
 * and heap of each app; at the end how far the second half lies above the first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { erpTopic, startPartner, System, testConfiguration } from '#libs/testkit/src/index.js';
import { steadyLoad } from '../fixtures/steady-load.js';
import { rssMiBOf } from './cpu.js';
import { servicesFromEnvironment } from './environment.js';
import { rounded } from './figures.js';
import { machineOf } from './machine.js';

const EVERY_MS = 30_000;
const [minutes = 10, perSecond = 400] = process.argv.slice(2).map(Number);

type Sample = Record<string, { rssMiB: number; heapMiB: number }>;

async function sample(system: System): Promise<Sample> {
  const samples = await Promise.all(
    system.handles.map(async (handle) => {
      const heap = (await handle.metrics()).sum('nodejs_heap_size_used_bytes') / 2 ** 20;
      return [handle.name, { rssMiB: rounded(rssMiBOf(handle.pid)), heapMiB: rounded(heap) }] as const;
    }),
  );
  return Object.fromEntries(samples);
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The mean of the second half over that of the second quarter: the first quarter is warming up. */
function growth(samples: readonly Sample[], of: 'rssMiB' | 'heapMiB'): Record<string, number> {
  const names = Object.keys(samples[0] ?? {});
  const quarter = Math.floor(samples.length / 4);
  const values = (name: string, from: number, to: number): number[] => samples.slice(from, to).map((each) => each[name]![of]);
  return Object.fromEntries(
    names.map((name) => [name, rounded(mean(values(name, quarter * 2, samples.length)) / mean(values(name, quarter, quarter * 2)))]),
  );
}

const partner = await startPartner({ storedMax: 50_000, idempotency: { keysMax: 50_000 }, rules: [{ share: 0.02, status: 503 }] });
const system = await System.start({
  services: servicesFromEnvironment(),
  sourceTopics: (prefix) => [erpTopic(prefix)],
  configuration: (prefix) =>
    testConfiguration({ prefix, tiers: ['1s', '3s', '10s'], destinations: [{ name: 'portal', url: `${partner.url}/orders/{entity}` }] }),
});
const samples: Sample[] = [];
try {
  const load = steadyLoad(system, { webhooksPerSecond: perSecond / 2, recordsPerSecond: perSecond / 2, entities: 500 });
  const startedMs = performance.now();
  while (performance.now() - startedMs < minutes * 60_000) {
    await sleep(EVERY_MS);
    const memory = await sample(system);
    samples.push(memory);
    process.stdout.write(
      `${JSON.stringify({ soak: Math.round((performance.now() - startedMs) / 1_000), stored: partner.stats().stored, ...memory })}\n`,
    );
  }
  const { all } = await load.stop();
  const summary = {
    minutes,
    perSecond,
    acknowledged: all.size,
    rssGrowth: growth(samples, 'rssMiB'),
    heapGrowth: growth(samples, 'heapMiB'),
  };
  process.stdout.write(
    `${JSON.stringify({ bench: 'soak', ...summary, command: `node dist/test/bench/soak.js ${minutes} ${perSecond}`, machine: machineOf() })}\n`,
  );
} finally {
  await system.stop();
  await partner.close();
}
