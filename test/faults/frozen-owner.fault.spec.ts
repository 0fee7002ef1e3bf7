import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpRegistry, openCodec } from '#libs/contracts/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafkajs-log.js';
import {
  erpTopic,
  faultsOf,
  readTopic,
  runSeed,
  seededRandom,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded, services } from '../fixtures/end-to-end.js';
import { steadyLoad } from '../fixtures/steady-load.js';

// Goal: a dedupe that is frozen while its partitions move is fenced when it wakes: nothing it does afterwards comes out twice.
// Method: two replicas under load; SIGSTOP one until the other has all partitions and has got ahead; SIGCONT; the log is read for doubles.

const ROUNDS = 3;
/** A session, the rebalance, and the takeover. */
const MOVED_MAX_MS = 90_000;
/** So many deliveries after the freeze must have come through the other replica, on all partitions. */
const AHEAD = 2_500;

const seed = runSeed();
let partner: Partner;
let system: System;

beforeAll(async () => {
  partner = await startPartner({ idempotency: { enabled: false } });
  system = await System.start({
    services: services(),
    replicas: { dedupe: 2 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) => testConfiguration({ prefix, destinations: [{ name: 'portal', url: `${partner.url}/orders/{entity}` }] }),
  });
}, 180_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

async function deliveriesWrittenTwice(): Promise<string[]> {
  const cluster = createKafkajsCluster({ brokers: system.services.brokers });
  const codec = await openCodec(new HttpRegistry(system.services.registryUrl), { register: true });
  const seen = new Set<string>();
  const twice: string[] = [];
  for await (const { value } of readTopic(cluster, system.names.deliveries('portal'))) {
    const delivery = await codec.decode('Delivery', value!);
    if (!delivery.ok) throw new Error(delivery.message);
    const key = `${delivery.value.id} hop ${delivery.value.hop}`;
    if (seen.has(key)) twice.push(key);
    seen.add(key);
  }
  await cluster.close();
  return twice;
}

describe(`a frozen dedupe (seed ${seed})`, () => {
  it('puts out nothing twice when it wakes', async () => {
    const random = seededRandom(seed);
    const load = steadyLoad(system, { webhooksPerSecond: 100, recordsPerSecond: 200, entities: 300 });
    for (let round = 0; round < ROUNDS; round++) {
      await new Promise((resolve) => setTimeout(resolve, random.between(1_500, 4_000)));
      const frozen = system.app('dedupe', round % 2);
      const before = load.acknowledged();
      frozen.freeze();
      await waitFor(() => partner.stats().unique > before + AHEAD, {
        what: 'the other dedupe getting ahead',
        withinMs: MOVED_MAX_MS,
        everyMs: 100,
        seen: () => ({ before, acknowledged: load.acknowledged(), stored: partner.stats().unique }),
      });
      frozen.thaw();
    }
    const { all } = await load.stop();
    const missing = (): string[] => [...all].filter((id) => partner.store.byEvent(id) === undefined);
    await waitFor(() => missing().length === 0, {
      what: 'everything acknowledged at the partner',
      withinMs: 90_000,
      everyMs: 250,
      seen: () => ({ acknowledged: all.size, missing: missing().slice(0, 10) }),
    });
    const summary = await everythingEnded(system, all.size, 60_000);
    expect(faultsOf(summary)).toEqual({});
    expect(await deliveriesWrittenTwice()).toEqual([]);
    expect(partner.doubles()).toEqual([]);
    await Promise.all(system.handles.map((handle) => handle.ready(60_000)));
  }, 600_000);
});
