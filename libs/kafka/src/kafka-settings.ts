/** Where Kafka is and how it is spoken to. `settings.kafka` of libs/config fits as it is. */
export type KafkaSettings = Readonly<{
  /** `host:port`, at least one. */
  brokers: readonly string[];
  tls?: boolean;
  sasl?: Readonly<{
    mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    username: string;
    password: Readonly<{ reveal(): string | Buffer }>;
  }> | null;
  clientId?: string;
}>;

/** Bounds and times of the kafkajs adapter, each with its reason. */
export type KafkaTuning = Readonly<{
  /** A member that is silent for this long has lost its partitions; also how long a heartbeat's answer allows starts (rule 20). */
  sessionTimeoutMs: number;
  /** A rebalance is noticed this late at most. */
  heartbeatMs: number;
  /** How long a rebalance waits for members that do not come back. */
  rebalanceTimeoutMs: number;
  /** Rule 7: a hanging transaction stops every reader of what it wrote to. */
  transactionTimeoutMs: number;
  /** One request's answer. Below the transaction's timeout, so that a hung broker is noticed while the transaction can still be aborted. */
  requestTimeoutMs: number;
  connectTimeoutMs: number;
  /** How long a fetch waits at the broker for data. A reader that newly wants data may wait this long behind another's fetch. */
  fetchWaitMs: number;
  fetchPartitionMaxBytes: number;
  fetchMaxBytes: number;
  /** Fetched ahead of its reader, per partition and in the whole process. */
  prefetchPartitionMaxBytes: number;
  prefetchMaxBytes: number;
  /** A reader that has not asked for this long is not fetched for any more. */
  readerIdleMs: number;
  /** One record batch, before compression; a larger batch for a partition goes in several rounds. Below the topics' `max.message.bytes`. */
  produceBatchMaxBytes: number;
  /** Batches above are compressed with zstd. */
  compressAboveBytes: number;
  /** How long a produce round outside a transaction is tried again, and one inside. */
  appendMaxMs: number;
  transactionalProduceMaxMs: number;
  /** Reads of offsets and bounds, and the fence, are tried again for this long, then `unavailable`. */
  askMaxMs: number;
  /** Connections for transactions: a broker answers one request at a time per connection, so partitions share a few. */
  transactionConnections: number;
  /** `stop()` waits this long for the works. */
  stopMaxMs: number;
  /** A partition with records and without a read for this long is called stuck. */
  stuckAfterMs: number;
  /** Partition counts and leaders are looked up again this often. */
  metadataMaxAgeMs: number;
}>;

export const kafkaTuningDefault: KafkaTuning = {
  sessionTimeoutMs: 7_000,
  heartbeatMs: 1_000,
  rebalanceTimeoutMs: 30_000,
  transactionTimeoutMs: 10_000,
  requestTimeoutMs: 6_000,
  connectTimeoutMs: 3_000,
  fetchWaitMs: 100,
  fetchPartitionMaxBytes: 1_048_576,
  fetchMaxBytes: 8_388_608,
  prefetchPartitionMaxBytes: 2_097_152,
  prefetchMaxBytes: 67_108_864,
  readerIdleMs: 2_000,
  produceBatchMaxBytes: 900_000,
  compressAboveBytes: 16_384,
  appendMaxMs: 10_000,
  transactionalProduceMaxMs: 4_000,
  askMaxMs: 15_000,
  transactionConnections: 4,
  stopMaxMs: 10_000,
  stuckAfterMs: 60_000,
  metadataMaxAgeMs: 60_000,
};
