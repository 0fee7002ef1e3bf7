import { describe, expect, it } from '@jest/globals';
import { MemoryMarksServer, type Outcome } from '#libs/delivery/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { MemoryLog, silentLogger } from '#libs/kafka/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { Destination } from './deliver.ports.js';
import { createDeliverProcess } from './deliver.process.js';
import { shareOf } from './share-of.js';
import { deliveryRecord, listeningReport, memoryCodec, testDelivery, testPolicy } from './testing/deliver.world.js';

// Goal: a tenant with a few deliveries behind another's thousands waits for his share of the slots, not for all of theirs.
// Method: the real pipelines over eight partitions in memory, a partner that takes 20 ms and four at a time, and a clock that the test moves.
const codec = await memoryCodec();
const topics = topicNames('s.');
const group = groupNames('s.').deliver('portal');
const topic = topics.deliveries('portal');
const partitions = 8;
const ok: Outcome = { kind: 'responded', status: 200, retryAfterMs: null, body: null };
const by = { kind: 'pointer', pointer: '/tenant' } as const;

async function play(isFair: boolean) {
  const clock = new ManualClock();
  const log = new MemoryLog({ clock });
  log.createTopic(topic, partitions);
  for (let partition = 0; partition < partitions; partition++)
    log.broker.setCommitted({ group, topic, partition, offset: 0, metadata: '' });
  for (const name of [topics.dlq, topics.invalid, topics.ledger]) log.createTopic(name);
  const sent: string[] = [];
  const destination: Destination = {
    name: 'portal',
    policy: testPolicy({ maxInFlight: 4 }),
    valves: [],
    ...(isFair && { fairness: { groupsMax: 8, shareOf: shareOf({ by, groupsMax: 8 }) } }),
    resolver: { ask: async () => ({ kind: 'not-found' }) },
    render: ({ id }) => ({ ok: true, request: { method: 'POST', path: id, headers: {}, body: null } }),
    sender: { send: async ({ path }) => (await clock.sleep(20), sent.push(path), ok) },
  };
  const process = createDeliverProcess({
    cluster: log.process(),
    ports: { clock, codec, marks: new MemoryMarksServer().store(), report: listeningReport().report, logger: silentLogger, topics },
    destinations: [destination],
    tiers: [],
    topicPrefix: 's.',
  });
  const append = (tenant: string, count: number): void =>
    void log.broker.write(
      Array.from({ length: count }, (_, n) => {
        const event = { subject: `${tenant}-${n}`, data: Buffer.from(JSON.stringify({ tenant })) };
        return deliveryRecord(codec, topic, testDelivery(n, { id: `${tenant}-${n}`, event }));
      }),
      null,
    );
  append('noisy', 5_000);
  void process.start();
  await clock.advance(1_000);
  append('quiet', 50);
  const before = sent.length;
  await clock.advance(30_000);
  const places = sent.flatMap((id, n) => (id.startsWith('quiet') ? [n - before] : []));
  const stopping = process.stop();
  await clock.advance(60_000);
  await stopping;
  return { sent, places };
}

describe('a destination that is shared fairly', () => {
  it('delivers fifty of one tenant within twice their fair share, behind five thousand of another', async () => {
    const { places, sent } = await play(true);
    expect(places).toHaveLength(50);
    // Every second request is theirs: 100, and as much again until what stood before them had been read.
    expect(places.at(-1)!).toBeLessThanOrEqual(200);
    expect(sent.length).toBeGreaterThanOrEqual(5_050);
  });

  it('and does not without it: first come, first served', async () => {
    const { places } = await play(false);
    expect(places.at(-1)!).toBeGreaterThan(3_000);
  });
});
