import { orderBody, percentile, postWebhooks, SHOP_SECRET, startPartner, System, testConfiguration } from '#libs/testkit/src/index.js';
import type { Bench } from './bench.js';
import { servicesFromEnvironment } from './environment.js';
import { figure, rounded } from './figures.js';

const PER_SECOND = 300;
const SECONDS = 20;
const RUNS = 3;
const ENTITIES = 500;

type Timed = { toPartnerMs: number[]; toDoorMs: number[] };

/** From the moment a sender begins its request to the moment the partner has read the delivery, both on this process's clock. */
export const latency: Bench = {
  name: 'latency',
  about: `webhook to partner's receipt at ${PER_SECOND} events/s`,
  run: async (report) => {
    const partner = await startPartner();
    const system = await System.start({
      services: servicesFromEnvironment(),
      configuration: (prefix) =>
        testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'partner', url: `${partner.url}/orders/{entity}` }] }),
    });
    try {
      await postAndTime(system, partner, { tag: 'warm', seconds: 8 });
      const runs: Timed[] = [];
      for (let run = 0; run < RUNS; run++) runs.push(await postAndTime(system, partner, { tag: `r${run}`, seconds: SECONDS }));
      const p = (share: number) => figure(runs.map((run) => percentile(run.toPartnerMs, share)));
      const toDoor = (share: number) => figure(runs.map((run) => percentile(run.toDoorMs, share)));
      report({
        n: PER_SECOND * SECONDS,
        perSecond: PER_SECOND,
        toPartnerMs: { p50: p(0.5), p99: p(0.99), p999: p(0.999), max: rounded(Math.max(...runs.flatMap((run) => run.toPartnerMs))) },
        toAcknowledgementMs: { p50: toDoor(0.5), p99: toDoor(0.99) },
        target: 'p99 < 50 ms to the partner',
      });
    } finally {
      await system.stop();
      await partner.close();
    }
  },
};

async function postAndTime(
  system: System,
  partner: Awaited<ReturnType<typeof startPartner>>,
  run: { tag: string; seconds: number },
): Promise<Timed> {
  partner.reset();
  const count = PER_SECOND * run.seconds;
  const webhooks = Array.from({ length: count }, (_, i) => {
    const id = `${run.tag}-${i}`;
    return { tag: id, body: orderBody({ id, entity: `${run.tag}-o-${i % ENTITIES}`, revision: i, filler: 'x'.repeat(600) }) };
  });
  const signing = { scheme: 'hmac', secret: SHOP_SECRET, header: 'x-signature', prefix: 'v1=' } as const;
  const { accepted } = await postWebhooks(
    { url: system.ingestUrl, source: 'shop', signing, connectionsMax: 32, perSecond: PER_SECOND },
    webhooks,
  );
  if (accepted.length !== count) throw new Error(`${count - accepted.length} of ${count} webhooks were refused`);
  for (
    const deadline = performance.now() + 30_000;
    partner.stats().stored < count;
    await new Promise((resolve) => setTimeout(resolve, 20))
  ) {
    if (performance.now() > deadline) throw new Error(`the partner has ${partner.stats().stored} of ${count}`);
  }
  const receipts = new Map([...partner.store.all()].map(({ eventId, at }) => [eventId, at]));
  const toPartnerMs = accepted.map(({ id, at }) => (receipts.get(id) ?? Number.NaN) - at);
  if (toPartnerMs.some(Number.isNaN)) throw new Error('an accepted event has no receipt at the partner');
  return { toPartnerMs, toDoorMs: accepted.map(({ tookMs }) => tookMs) };
}
