import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { NodeProcess, percentile, SHOP_SECRET, System, testConfiguration } from '#libs/testkit/src/index.js';
import type { Bench } from './bench.js';
import { cpuSecondsOf } from './cpu.js';
import { rawSender, undiciSender, type DoorRequest, type Sender } from './door-load.js';
import { servicesFromEnvironment } from './environment.js';
import { benchEvents } from './events.js';
import { figure, rounded } from './figures.js';

const CONNECTIONS = 64;
const RUNS = 5;
const RUN_MS = 4_000;
const WARM_UP_MS = 5_000;
const REQUESTS = 4_000;

type Name = 'bare' | 'door';
type Contender = Readonly<{ name: Name; pid: number; port: number }>;
type Run = Readonly<{ perSecond: number; cpuPer1000: number; p50: number; p99: number }>;

/**
 * The door (signature checked, 202 after acks=all) beside a Fastify that does nothing with the same requests. Both take turns under
 * the same sender, on one machine with the broker; the ratio is taken within each pair of turns, so that a busy moment hits both.
 */
export const door: Bench = {
  name: 'door',
  about: 'webhooks a second at the door beside a bare Fastify',
  run: async (report) => {
    const system = await System.start({
      services: servicesFromEnvironment(),
      apps: ['ingest'],
      configuration: (prefix) =>
        testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'none', url: 'http://127.0.0.1:9/{entity}' }] }),
    });
    const bareDoor = NodeProcess.start({ name: 'bare-door', script: fileURLToPath(new URL('bare/bare-door.js', import.meta.url)) });
    try {
      const barePort = Number((await bareDoor.waitForOutput(/ready (\d+)/))[1]);
      const contenders: Contender[] = [
        { name: 'bare', pid: bareDoor.pid, port: barePort },
        { name: 'door', pid: system.app('ingest').pid, port: Number(new URL(system.ingestUrl).port) },
      ];
      const requests = benchEvents('door', REQUESTS).map(({ body }) => signed(body));
      report({ sender: 'undici', ...compare(await inTurns(contenders, undiciSender, requests)), rateRatioTarget: '>= 0.5' });
      report({ sender: 'raw sockets', ...compare(await inTurns(contenders, rawSender, requests)) });
    } finally {
      await bareDoor.stop();
      await system.stop();
    }
  },
};

async function inTurns(contenders: readonly Contender[], sender: Sender, requests: readonly DoorRequest[]): Promise<Record<Name, Run[]>> {
  const runs: Record<Name, Run[]> = { bare: [], door: [] };
  for (const { port } of contenders) await sender({ port, connections: CONNECTIONS, requests, forMs: WARM_UP_MS });
  for (let turn = 0; turn < RUNS; turn++) {
    for (const { name, pid, port } of contenders) {
      const before = cpuSecondsOf(pid);
      const { tookMs, seconds } = await sender({ port, connections: CONNECTIONS, requests, forMs: RUN_MS });
      const cpuPer1000 = ((cpuSecondsOf(pid) - before) / tookMs.length) * 1_000;
      runs[name].push({ perSecond: tookMs.length / seconds, cpuPer1000, p50: percentile(tookMs, 0.5), p99: percentile(tookMs, 0.99) });
    }
  }
  return runs;
}

function compare({ bare, door: ours }: Readonly<Record<Name, readonly Run[]>>): Record<string, unknown> {
  const of = (runs: readonly Run[]) => ({
    perSecond: figure(runs.map((run) => run.perSecond)),
    cpuSecondsPer1000: figure(runs.map((run) => run.cpuPer1000)),
    p50Ms: figure(runs.map((run) => run.p50)),
    p99Ms: figure(runs.map((run) => run.p99)),
  });
  const [limit, door] = [of(bare), of(ours)];
  return {
    connections: CONNECTIONS,
    secondsARun: RUN_MS / 1_000,
    bare: limit,
    door,
    rateRatio: figure(ours.map((run, turn) => run.perSecond / bare[turn]!.perSecond)),
    cpuRatio: rounded(door.cpuSecondsPer1000.median / limit.cpuSecondsPer1000.median),
  };
}

function signed(body: Buffer): DoorRequest {
  const signature = createHmac('sha256', SHOP_SECRET).update(body).digest('hex');
  return { path: '/in/shop', headers: { 'content-type': 'application/json', 'x-signature': `v1=${signature}` }, body };
}
