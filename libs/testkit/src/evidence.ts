import type { Codec, ContractKind, Contracts } from '#libs/contracts/src/index.js';
import { formatPosition, type TopicNames } from '#libs/domain/src/index.js';
import type { LogCluster, LogRecord } from '#libs/kafka/src/index.js';
import type { Evidence } from './evidence.fold.js';

/** Records read from one topic at most: a test that has more than this reads something else than it thinks. */
const RECORDS_MAX = 5_000_000;

/** Every committed record of a topic up to its end as it stands when the call begins; none when the topic is not there. */
export async function* readTopic(cluster: LogCluster, topic: string): AsyncGenerator<LogRecord> {
  const partitions = (await cluster.partitions(topic)) ?? 0;
  let seen = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const reader = cluster.reader(topic, partition);
    const { startOffset, endOffset } = await reader.bounds();
    for (let from = startOffset; from < endOffset;) {
      const { records, nextOffset } = await reader.read(from, { records: 5_000, waitMs: 2_000 });
      for (const record of records) if (record.offset < endOffset) yield record;
      seen += records.length;
      if (seen > RECORDS_MAX) throw new RangeError(`${topic} has more than ${RECORDS_MAX} records`);
      from = nextOffset;
    }
  }
}

/** Reads all that Kafka keeps of a run, through our own committed reader. */
export async function readEvidence(cluster: LogCluster, codec: Codec, names: TopicNames): Promise<Evidence> {
  const unreadable: string[] = [];
  const decoded = async <K extends ContractKind>(
    kind: K,
    topic: string,
    keep: (value: Contracts[K] | null, record: LogRecord) => void,
  ): Promise<void> => {
    for await (const record of readTopic(cluster, topic)) {
      const value = record.value === null ? null : await codec.decode(kind, record.value);
      if (value?.ok) keep(value.value, record);
      else {
        unreadable.push(formatPosition(record));
        keep(null, record);
      }
    }
  };
  const events: Evidence['events'][number][] = [];
  const facts: Evidence['facts'][number][] = [];
  const dead: Evidence['dead'][number][] = [];
  const invalid: Evidence['invalid'][number][] = [];
  await decoded('Event', names.events, (event, record) => void (event && events.push({ position: formatPosition(record), event })));
  await decoded('Fact', names.ledger, (fact) => void (fact && facts.push(fact)));
  await decoded('Delivery', names.dlq, (delivery) => void (delivery && dead.push(delivery)));
  await decoded('Event', names.invalid, (event) => void invalid.push(event));
  return { events, facts, dead, invalid, unreadable };
}
