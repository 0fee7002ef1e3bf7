import type { Clock } from './clock.port.js';
import { type Committed, LogError, type OutRecord } from './log.port.js';
import { MemoryPartition, type MemoryTransaction } from './memory-partition.js';
import { partitionOfKey } from './partition-of-key.js';

export type MemoryLimits = Readonly<{
  /** One record's key, value and headers. */
  recordMaxBytes: number;
  /** One commit's or append's records together. */
  batchMaxBytes: number;
  /** An open transaction is aborted, and its producer fenced, after this long. */
  transactionTimeoutMs: number;
}>;

export const memoryLimitsDefault: MemoryLimits = { recordMaxBytes: 1_048_576, batchMaxBytes: 4_194_304, transactionTimeoutMs: 10_000 };

type Producer = { epoch: number; open: MemoryTransaction | null };
type GroupOffset = Committed & Readonly<{ group: string; topic: string; partition: number }>;

/**
 * What Kafka's brokers keep, in one process: partitions, transactional ids with epochs, committed offsets. Every method is one
 * atomic effect; waiting and interleaving are the views' part (`memory-log.ts`).
 */
export class MemoryBroker {
  private readonly topics = new Map<string, MemoryPartition[]>();
  private readonly producers = new Map<string, Producer>();
  private readonly offsets = new Map<string, Committed>();
  private keyless = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limits: MemoryLimits = memoryLimitsDefault,
  ) {}

  createTopic(topic: string, partitions: number): void {
    if (this.topics.has(topic)) throw new RangeError(`topic ${topic} exists`);
    this.topics.set(
      topic,
      Array.from({ length: partitions }, (_, partition) => new MemoryPartition(topic, partition)),
    );
  }

  topicNames(): string[] {
    return [...this.topics.keys()];
  }

  partitionsOf(topic: string): readonly MemoryPartition[] | null {
    return this.topics.get(topic) ?? null;
  }

  partition(topic: string, partition: number): MemoryPartition {
    this.expireTransactions();
    const found = this.topics.get(topic)?.[partition];
    if (!found) throw new LogError('missing-topic', `${topic}/${partition} does not exist`);
    return found;
  }

  /** Bumps the epoch and aborts what was open. */
  fence(transactionalId: string): number {
    const producer = this.producers.get(transactionalId) ?? { epoch: -1, open: null };
    this.producers.set(transactionalId, producer);
    if (producer.open) this.finish(producer.open, 'aborted');
    producer.open = null;
    producer.epoch += 1;
    return producer.epoch;
  }

  begin(transactionalId: string, epoch: number): MemoryTransaction {
    const producer = this.current(transactionalId, epoch);
    producer.open ??= { id: transactionalId, state: 'open', openedAtMs: this.clock.monotonicMs(), wrote: new Set() };
    return producer.open;
  }

  end(transactionalId: string, epoch: number, how: 'committed' | 'aborted', offsets: readonly GroupOffset[] = []): void {
    const producer = this.current(transactionalId, epoch);
    if (!producer.open) throw new LogError('fenced', `${transactionalId}: its transaction was ended by another`);
    this.finish(producer.open, how);
    producer.open = null;
    if (how === 'committed') for (const offset of offsets) this.setCommitted(offset);
  }

  /** All or nothing: sizes and topics are looked at before the first record is written. */
  write(records: readonly OutRecord[], transaction: MemoryTransaction | null): { topic: string; partition: number; baseOffset: number }[] {
    let batchBytes = 0;
    for (const record of records) {
      const bytes = sizeOf(record);
      batchBytes += bytes;
      if (bytes > this.limits.recordMaxBytes)
        throw new LogError('too-large', `a record of ${bytes} bytes for ${record.topic}: the bound is ${this.limits.recordMaxBytes}`);
      this.target(record);
    }
    if (batchBytes > this.limits.batchMaxBytes)
      throw new LogError('too-large', `a batch of ${batchBytes} bytes: the bound is ${this.limits.batchMaxBytes}`);
    const bases = new Map<MemoryPartition, number>();
    for (const record of records) {
      const target = this.target(record);
      const offset = target.append(
        { timestampMs: this.clock.nowMs(), key: bytesOf(record.key), value: record.value, headers: headersOf(record) },
        transaction,
      );
      if (record.partition === undefined && record.key === null) this.keyless += 1;
      if (!bases.has(target)) bases.set(target, offset);
    }
    return [...bases].map(([{ topic, partition }, baseOffset]) => ({ topic, partition, baseOffset }));
  }

  committed(group: string, topic: string, partition: number): Committed | null {
    return this.offsets.get(`${group} ${topic}/${partition}`) ?? null;
  }

  setCommitted({ group, topic, partition, offset, metadata }: GroupOffset): void {
    this.offsets.set(`${group} ${topic}/${partition}`, { offset, metadata });
  }

  /** As when a group was empty for longer than the broker keeps its offsets. */
  forgetCommitted(group: string, topic: string, partition: number): void {
    this.offsets.delete(`${group} ${topic}/${partition}`);
  }

  private target(record: OutRecord): MemoryPartition {
    const partitions = this.topics.get(record.topic);
    if (!partitions) throw new LogError('missing-topic', `topic ${record.topic} does not exist`);
    const chosen =
      record.partition ?? (record.key === null ? this.keyless % partitions.length : partitionOfKey(record.key, partitions.length));
    const found = partitions[chosen];
    if (!found) throw new LogError('missing-topic', `${record.topic}/${chosen} does not exist`);
    return found;
  }

  private current(transactionalId: string, epoch: number): Producer {
    this.expireTransactions();
    const producer = this.producers.get(transactionalId);
    if (producer?.epoch !== epoch)
      throw new LogError('fenced', `${transactionalId}: epoch ${epoch} is over, ${producer?.epoch ?? 'none'} is current`);
    return producer;
  }

  private finish(transaction: MemoryTransaction, how: 'committed' | 'aborted'): void {
    transaction.state = how;
    for (const partition of transaction.wrote) partition.mark(transaction);
  }

  /** The coordinator's own watch over transactions whose producer is gone (rule 7). */
  private expireTransactions(): void {
    const now = this.clock.monotonicMs();
    for (const producer of this.producers.values()) {
      if (!producer.open || now - producer.open.openedAtMs < this.limits.transactionTimeoutMs) continue;
      this.finish(producer.open, 'aborted');
      producer.open = null;
      producer.epoch += 1;
    }
  }
}

const bytesOf = (value: Buffer | string | null): Buffer | null => (typeof value === 'string' ? Buffer.from(value) : value);

const headersOf = ({ headers }: OutRecord): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value]));

function sizeOf({ key, value, headers }: OutRecord): number {
  let bytes = (key === null ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0);
  for (const [name, header] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(header);
  return bytes;
}
