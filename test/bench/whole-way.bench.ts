import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { System, testConfiguration, TopicProducer, type Produced, type Services } from '#libs/testkit/src/index.js';
import { startBareLoop } from './bare-loop.js';
import type { Bench } from './bench.js';
import { cpuSecondsOf } from './cpu.js';
import { deleteTopics, randomPrefix, servicesFromEnvironment } from './environment.js';
import { asBareRecord, asEventRecord, benchEvents, type BenchEvent } from './events.js';
import { figure, rounded } from './figures.js';
import { startPartnerProcess, type PartnerProcess } from './partner-process.js';

const RUNS = 3;
const EVENTS = 40_000;
const WARM_UP = 15_000;
const PARTITIONS = 6;
const IN_FLIGHT = 128;
const RUN_MAX_MS = 180_000;
/** After the last delivery: the time in which what was delivered is settled, so that its CPU is counted too. */
const SETTLE_MS = 1_000;

type Contender = Readonly<{
  name: string;
  pids: readonly number[];
  topic: string;
  record: (event: BenchEvent) => Produced;
  stop: () => Promise<void>;
}>;
type Run = { perSecond: number; cpuPer1000: number; cpuByProcess: number[] };

/**
 * Kafka → dedupe → Kafka → deliver → partner, against two processes that do the same with the same clients and promise nothing.
 * Both run on the same broker, Redis and partner, in turns, and each is warmed up before its first run; CPU is the kernel's count
 * for the two processes, start-up excluded and settling included.
 */
export const wholeWay: Bench = {
  name: 'whole-way',
  about: 'deliveries a second and CPU beside a bare loop without any guarantee',
  run: async (report) => {
    const services = servicesFromEnvironment();
    const partner = await startPartnerProcess();
    const contenders: Contender[] = [];
    const found: Record<string, Run[]> = { bare: [], holdfast: [] };
    try {
      for (const start of [startBare, startHoldfast]) contenders.push(await start(services, partner));
      for (const contender of contenders) await measure(contender, { services, partner, tag: 'warm', count: WARM_UP });
      for (let run = 0; run < RUNS; run++) {
        for (const contender of contenders) {
          found[contender.name]!.push(await measure(contender, { services, partner, tag: `r${run}`, count: EVENTS }));
        }
      }
    } finally {
      for (const contender of contenders) await contender.stop();
      await partner.stop();
    }
    report(compare(found['bare']!, found['holdfast']!));
  },
};

async function measure(
  contender: Contender,
  run: { services: Services; partner: PartnerProcess; tag: string; count: number },
): Promise<Run> {
  const { services, partner, tag, count } = run;
  const producer = await TopicProducer.open(services.brokers, contender.topic);
  const records = benchEvents(tag, count).map((event) => contender.record(event));
  await partner.reset();
  const before = contender.pids.map(cpuSecondsOf);
  const startedMs = performance.now();
  const produced = producer.produce(records);
  const endedMs = await partner.waitForStored(count, RUN_MAX_MS);
  await produced;
  await producer.close();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const { stored, doubles } = await partner.stats();
  if (stored !== count || doubles > 0)
    throw new Error(`${contender.name} ${tag}: the partner stored ${stored} of ${count}, ${doubles} of them doubles`);
  process.stderr.write(`  ${contender.name} ${tag}: ${Math.round((count / (endedMs - startedMs)) * 1_000)}/s\n`);
  const used = contender.pids.map((pid, i) => cpuSecondsOf(pid) - before[i]!);
  const perThousand = (seconds: number): number => (seconds / count) * 1_000;
  return {
    perSecond: (count / (endedMs - startedMs)) * 1_000,
    cpuPer1000: perThousand(used.reduce((a, b) => a + b, 0)),
    cpuByProcess: used.map(perThousand),
  };
}

function compare(bare: readonly Run[], holdfast: readonly Run[]): Record<string, unknown> {
  const rate = { bare: figure(bare.map((run) => run.perSecond)), holdfast: figure(holdfast.map((run) => run.perSecond)) };
  const cpu = { bare: figure(bare.map((run) => run.cpuPer1000)), holdfast: figure(holdfast.map((run) => run.cpuPer1000)) };
  const split = (runs: readonly Run[]) => ({
    dedupe: figure(runs.map((run) => run.cpuByProcess[0]!)),
    deliver: figure(runs.map((run) => run.cpuByProcess[1]!)),
  });
  return {
    n: EVENTS,
    perSecond: rate,
    cpuSecondsPer1000: cpu,
    cpuSplit: { bare: split(bare), holdfast: split(holdfast) },
    rateRatio: rounded(rate.holdfast.median / rate.bare.median),
    rateRatioTarget: '>= 0.55',
    cpuRatio: rounded(cpu.holdfast.median / cpu.bare.median),
    cpuRatioTarget: '<= 1.6',
  };
}

async function startBare(services: Services, partner: PartnerProcess): Promise<Contender> {
  const prefix = randomPrefix();
  const loop = await startBareLoop(services, { prefix, partitions: PARTITIONS, partnerUrl: partner.url });
  const stop = async (): Promise<void> => {
    await loop.stop();
    await deleteTopics(services.brokers, prefix);
  };
  return { name: 'bare', pids: [loop.pids.dedupe, loop.pids.deliver], topic: loop.topic, record: asBareRecord, stop };
}

async function startHoldfast(services: Services, partner: PartnerProcess): Promise<Contender> {
  const codec: Codec = await openCodec(new HttpRegistry(services.registryUrl), { register: true });
  const url = `${partner.url}/orders/{entity}`;
  const system = await System.start({
    services,
    apps: ['dedupe', 'deliver'],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        partitions: PARTITIONS,
        sources: ['shop'],
        destinations: [{ name: 'partner', url, maxInFlight: IN_FLIGHT, timeout: '15s' }],
      }),
  });
  const pids = [system.app('dedupe').pid, system.app('deliver').pid];
  return { name: 'holdfast', pids, topic: system.names.events, record: (event) => asEventRecord(codec, event), stop: () => system.stop() };
}
