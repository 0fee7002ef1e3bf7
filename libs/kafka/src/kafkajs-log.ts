import type { Clock } from './clock.port.js';
import { type KafkaSettings, type KafkaTuning, kafkaTuningDefault } from './kafka-settings.js';
import { Fetcher } from './kafkajs-fetcher.js';
import { KafkajsPartitionLog } from './kafkajs-partition-log.js';
import { KafkajsReader, type ReaderContext } from './kafkajs-reader.js';
import { KafkajsSink } from './kafkajs-sink.js';
import { KafkajsSource } from './kafkajs-source.js';
import { Wire } from './kafkajs-wire.js';
import type { Committed, LogCluster, PartitionReader, RecordSink, RecordSource } from './log.port.js';
import { type Logger, silentLogger } from './logger.port.js';
import { systemClock } from './system-clock.js';
import { toLogError } from './kafkajs-errors.js';

export type KafkajsOptions = Readonly<{ logger?: Logger; clock?: Clock; tuning?: Partial<KafkaTuning> }>;

/** The real log. Nothing is connected before it is needed; `close` stops every source and ends every connection. */
export function createKafkajsCluster(settings: KafkaSettings, options: KafkajsOptions = {}): LogCluster {
  return new KafkajsCluster(settings, options);
}

class KafkajsCluster implements LogCluster {
  private readonly context: ReaderContext;
  private readonly sources = new Set<RecordSource>();
  private readonly sinks = new Set<KafkajsSink>();
  private readonly transactions: Wire[];
  private handedOut = 0;

  constructor(settings: KafkaSettings, { logger = silentLogger, clock = systemClock, tuning }: KafkajsOptions) {
    const wrong = settings.brokers.find((broker) => !/^[^\s]+:\d{1,5}$/.test(broker ?? ''));
    if (settings.brokers.length === 0 || wrong !== undefined) {
      throw new RangeError(`KAFKA_BROKERS wants host:port, separated by commas; got ${JSON.stringify(wrong ?? '')}`);
    }
    const base = { settings, tuning: { ...kafkaTuningDefault, ...tuning }, clock, logger };
    this.context = { ...base, fetcher: new Fetcher(base), askWire: new Wire(base) };
    this.transactions = Array.from({ length: base.tuning.transactionConnections }, () => new Wire(base));
  }

  source(name: { group: string; topic: string; beside?: string }): RecordSource {
    const nextWire = (): Wire => this.transactions[this.handedOut++ % this.transactions.length]!;
    const source = new KafkajsSource(this.context, nextWire, name);
    this.sources.add(source);
    return source;
  }

  async sink(): Promise<RecordSink> {
    const sink = new KafkajsSink(this.context);
    this.sinks.add(sink);
    return sink;
  }

  reader(topic: string, partition: number, how: 'through' | 'glance' = 'through'): PartitionReader {
    return new KafkajsReader(this.context, topic, partition, how);
  }

  async partitions(topic: string): Promise<number | null> {
    try {
      return await this.context.askWire.partitionCount(topic, 0);
    } catch (error) {
      throw toLogError(error, `looking for topic ${topic}`);
    }
  }

  committed(group: string, topic: string, partition: number): Promise<Committed | null> {
    return new KafkajsPartitionLog(this.context, this.context.askWire, group, topic, partition).committed();
  }

  async close(): Promise<void> {
    await Promise.all([...this.sources].map((source) => source.stop()));
    for (const sink of this.sinks) sink.close();
    for (const wire of [...this.transactions, this.context.askWire]) wire.close();
    this.context.fetcher.close();
  }
}
