import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { NodeProcess, percentile, SHOP_SECRET, System, testConfiguration } from '#libs/testkit/src/index.js';
import type { Bench } from './bench.js';
import { cpuSecondsOf } from './cpu.js';
import { servicesFromEnvironment } from './environment.js';
import { benchEvents } from './events.js';
import { figure, rounded } from './figures.js';
import { rawLoad } from './raw-load.js';

const CONNECTIONS = 64;
const RUNS = 5;
const RUN_MS = 5_000;
const WARM_UP_MS = 5_000;
const REQUESTS = 4_000;

type Contender = Readonly<{ name: 'bare' | 'door'; pid: number; port: number }>;
type Run = Readonly<{ perSecond: number; cpuPer1000: number; p50: number; p99: number }>;

/**
 * The door (signature checked, 202 after acks=all) beside a Fastify that does nothing with the same requests. Both run in turns
 * under the same sender, on one machine with the broker; the ratio of each pair of turns is taken, so that a busy moment hits both.
 */
export const door: Bench = {
  name: 'door',
  about: 'webhooks a second at the door beside a bare Fastify',
  run: async (report) => {
    const system = await System.start({
      services: servicesFromEnvironment(),
      apps: ['ingest'],
      configuration: (prefix) =>
        testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'none', url: 'http://127.0.0.1:9/' }] }),
    });
    const bareDoor = NodeProcess.start({ name: 'bare-door', script: fileURLToPath(new URL('bare/bare-door.js', import.meta.url)) });
    try {
      const barePort = Number((await bareDoor.waitForOutput(/ready (\d+)/))[1]);
      const contenders: Contender[] = [
        { name: 'bare', pid: bareDoor.pid, port: barePort },
        { name: 'door', pid: system.app('ingest').pid, port: Number(new URL(system.ingestUrl).port) },
      ];
      const requests = benchEvents('door', REQUESTS).map(({ body }) => signedRequest(body));
      for (const contender of contenders) await measure(contender, requests, WARM_UP_MS);
      const runs = { bare: [] as Run[], door: [] as Run[] };
      for (let run = 0; run < RUNS; run++)
        for (const contender of contenders) runs[contender.name].push(await measure(contender, requests, RUN_MS));
      report(compare(runs));
    } finally {
      await bareDoor.stop();
      await system.stop();
    }
  },
};

async function measure({ pid, port }: Contender, requests: readonly Buffer[], forMs: number): Promise<Run> {
  const before = cpuSecondsOf(pid);
  const { answered, perSecond, tookMs } = await rawLoad({ port, connections: CONNECTIONS, requests, forMs, expect: 'HTTP/1.1 202' });
  const cpuPer1000 = ((cpuSecondsOf(pid) - before) / answered) * 1_000;
  return { perSecond, cpuPer1000, p50: percentile(tookMs, 0.5), p99: percentile(tookMs, 0.99) };
}

function compare({ bare, door: ours }: Readonly<Record<'bare' | 'door', readonly Run[]>>): Record<string, unknown> {
  const of = (runs: readonly Run[]) => ({
    perSecond: figure(runs.map((run) => run.perSecond)),
    cpuSecondsPer1000: figure(runs.map((run) => run.cpuPer1000)),
    p50Ms: figure(runs.map((run) => run.p50)),
    p99Ms: figure(runs.map((run) => run.p99)),
  });
  const ratio = figure(ours.map((run, turn) => run.perSecond / bare[turn]!.perSecond));
  return {
    connections: CONNECTIONS,
    secondsARun: RUN_MS / 1_000,
    bare: of(bare),
    door: of(ours),
    rateRatio: ratio,
    rateRatioTarget: '>= 0.5',
    cpuRatio: rounded(of(ours).cpuSecondsPer1000.median / of(bare).cpuSecondsPer1000.median),
  };
}

function signedRequest(body: Buffer): Buffer {
  const signature = createHmac('sha256', SHOP_SECRET).update(body).digest('hex');
  const head = `POST /in/shop HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Signature: v1=${signature}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
