import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { groupNames, topicNames, type Delivery, type Fact, type HoldfastEvent } from '#libs/domain/src/index.js';
import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import {
  PartitionOwner,
  systemClock,
  type LogCluster,
  type OutRecord,
  type Owner,
  type PartitionWork,
  type RecordSink,
} from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { EvidenceReader } from './evidence-reader.js';
import { attempt, event, judged, ofDelivery } from './testing/evidence.builder.js';
import { delivery } from './testing/ledger-world.js';

// Goal: the same proofs on a real log as in memory: transactions and their markers between the records, committed offsets with
// their metadata, and a ledger that is mostly about others.
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter(Boolean);
if (brokers.length === 0) throw new Error('set KAFKA_BROKERS, or run `npm run test:int`, which starts it');
const prefix = `t${randomBytes(6).toString('hex')}.`;
const names = topicNames(prefix);
const groups = groupNames(prefix);
const PARTITIONS = 3;
const OTHERS = 5_000;

let admin: Admin;
let cluster: LogCluster;
let sink: RecordSink;
let codec: Codec;
const made = [names.events, names.ledger, names.dlq, names.deliveries('portal'), names.retry('30s')];

beforeAll(async () => {
  admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({ waitForLeaders: true, topics: made.map((topic) => ({ topic, numPartitions: PARTITIONS, configEntries })) });
  cluster = createKafkajsCluster({ brokers });
  sink = await cluster.sink();
  codec = await openCodec(new MemoryRegistry(), { register: true });
  await others();
});
afterAll(async () => {
  await cluster?.close();
  await admin.deleteTopics({ topics: made });
  await admin.disconnect();
});

const headers = (of: { id: string; correlationid: string }) => ({ ce_id: of.id, 'correlation-id': of.correlationid });
const ofFact = (fact: Fact): OutRecord => ({
  topic: names.ledger,
  key: fact.id,
  value: codec.encode('Fact', fact),
  headers: headers(fact),
});
const ofEvent = (value: HoldfastEvent): OutRecord => ({
  topic: names.events,
  key: value.subject,
  value: codec.encode('Event', value),
  headers: headers(value),
});
const ofDeliveryRecord = (topic: string, value: Delivery): OutRecord => ({
  topic,
  key: value.event.subject,
  value: codec.encode('Delivery', value),
  headers: headers(value.event),
});
const prove = (id: string) => new EvidenceReader({ cluster, codec, names, groups }).prove({ id, sinceMs: null, isFull: false });

async function append(record: OutRecord): Promise<string> {
  const [at] = await sink.append([record]);
  return `${at!.topic}/${at!.partition}/${at!.baseOffset}`;
}

async function others(): Promise<void> {
  const facts = Array.from({ length: OTHERS }, (_, i) =>
    ofFact(judged('unrouted', { id: `other-${i}`, correlationid: `other-c-${i}`, eventposition: `x/0/${i}` })),
  );
  for (let from = 0; from < OTHERS; from += 1_000) await sink.append(facts.slice(from, from + 1_000));
}

/** The group's owner of the partition that the position lies in, as an app holds it. */
async function asOwner(group: string, position: string, act: (owner: Owner, offset: number) => Promise<void>): Promise<void> {
  const [topic, partition, offset] = position.split('/') as [string, string, string];
  const source = cluster.source({ group, topic });
  try {
    await new Promise<void>((resolve, reject) => {
      const work: PartitionWork = async (log, { revoked }) => {
        if (log.partition === Number(partition)) {
          const owner = new PartitionOwner(log, { begin: 'earliest' });
          await owner
            .acquire()
            .then(() => act(owner, Number(offset)))
            .then(resolve, reject);
        }
        await systemClock.sleep(60_000, revoked);
      };
      source.start(work).catch(reject);
    });
  } finally {
    await source.stop();
  }
}

describe('proving on a real log', () => {
  it('follows one event from pending to delivered, by event id and by correlation id', async () => {
    const id = `evt-${randomBytes(4).toString('hex')}`;
    const mine = event({ id, correlationid: `c-${id}`, subject: `order-${id}` });
    const position = await append(ofEvent(mine));
    expect((await prove(id)).histories[0]).toMatchObject({ verdict: 'pending', event: { position } });

    const about = { id, correlationid: mine.correlationid, eventposition: position };
    await asOwner(groups.dedupe, position, (owner, offset) =>
      owner.settle({
        records: [
          ofFact(judged('accepted', { ...about, position })),
          ofDeliveryRecord(names.deliveries('portal'), delivery(mine, position)),
        ],
        offset: offset + 1,
        settled: [],
      }),
    );
    const queued = (await prove(id)).histories[0]!.verdicts['portal']!;
    expect(queued).toMatchObject({ verdict: 'waiting', until: null });
    const where = queued.verdict === 'waiting' ? queued.where : '';
    expect(where).toMatch(new RegExp(`^${names.deliveries('portal')}/\\d/\\d+$`));

    const refused = attempt(1, { class: 'transient', status: 503, at: Date.now() });
    await asOwner(groups.deliver('portal'), where, (owner, offset) =>
      owner.settle({
        records: [
          ofFact(
            ofDelivery('attempted', 0, {
              ...about,
              position: where,
              attempts: [refused],
              attempt: 1,
              class: 'transient',
              tier: '30s',
              at: Date.now(),
            }),
          ),
          ofDeliveryRecord(names.retry('30s'), delivery(mine, position, { hop: 1, attempt: 1 })),
        ],
        offset: offset + 1,
        settled: [],
      }),
    );
    const waits = (await prove(`c-${id}`)).histories[0]!.verdicts['portal']!;
    expect(waits).toMatchObject({ verdict: 'waiting', class: 'transient', where: expect.stringContaining(names.retry('30s')) as unknown });
    expect(waits.verdict === 'waiting' && waits.until! > Date.now()).toBe(true);

    await append(
      ofFact(
        ofDelivery('settled', 1, {
          ...about,
          verdict: 'delivered-once',
          attempts: [attempt(2)],
          position: `${names.deliveries('portal')}/0/99`,
        }),
      ),
    );
    for (const asked of [id, `c-${id}`]) {
      const { histories, notes } = await prove(asked);
      expect(notes).toEqual([]);
      expect(histories[0]!.verdicts['portal']!.verdict).toBe('delivered-once');
      expect(histories[0]!.timeline.map((entry) => entry.fact).sort()).toEqual(['attempted', 'attempted', 'judged', 'received', 'settled']);
    }
  });

  it('sees a loss: dedupe has passed the event, and no fact stands', async () => {
    const id = `evt-${randomBytes(4).toString('hex')}`;
    const position = await append(ofEvent(event({ id, correlationid: `c-${id}`, subject: `order-${id}` })));
    await asOwner(groups.dedupe, position, (owner, offset) => owner.settle({ records: [], offset: offset + 1, settled: [] }));
    expect((await prove(id)).histories[0]!.verdict).toBe('lost');
  });

  it('finds one among thousands, by either id, and answers for an unknown one', async () => {
    expect((await prove('other-4711')).histories[0]).toMatchObject({ verdict: 'unrouted', event: { entity: null } });
    expect((await prove('other-c-17')).histories[0]).toMatchObject({ event: { id: 'other-17' } });
    expect((await prove('nobody')).histories).toEqual([]);
  });
});
