import { groupNames, topicNames, type Delivery, type Fact, type HoldfastEvent } from '#libs/domain/src/index.js';
import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { encodeCommitMetadata, MemoryLog, type OutRecord, type RecordSink } from '#libs/kafka/src/index.js';
import type { EvidencePorts } from '../evidence-reader.js';

export const names = topicNames();
export const groups = groupNames();
const header = (event: { id: string; type: string; source: string; correlationid: string }) => ({
  ce_id: event.id,
  ce_type: event.type,
  ce_source: event.source,
  'correlation-id': event.correlationid,
});

/** Holdfast's topics in memory, written by hand as the apps would. */
export class LedgerWorld {
  private constructor(
    readonly log: MemoryLog,
    readonly codec: Codec,
    private readonly sink: RecordSink,
  ) {}

  static async open(partitions = 3): Promise<LedgerWorld> {
    const log = new MemoryLog();
    for (const topic of [names.events, names.ledger, names.dlq, names.invalid, names.deliveries('portal'), names.retry('30s')])
      log.createTopic(topic, partitions);
    const codec = await openCodec(new MemoryRegistry(), { register: true });
    return new LedgerWorld(log, codec, await log.process().sink());
  }

  ports(): EvidencePorts {
    return { cluster: this.log.process(), codec: this.codec, names, groups };
  }

  /** Answers the position it stands at. */
  event(event: HoldfastEvent): Promise<string> {
    return this.append({ topic: names.events, key: event.subject, value: this.codec.encode('Event', event), headers: header(event) });
  }

  fact(fact: Fact): Promise<string> {
    return this.append({ topic: names.ledger, key: fact.id, value: this.codec.encode('Fact', fact), headers: header(fact) });
  }

  delivery(topic: string, delivery: Delivery): Promise<string> {
    const value = this.codec.encode('Delivery', delivery);
    return this.append({ topic, key: delivery.event.subject, value, headers: header(delivery.event) });
  }

  bytes(topic: string, key: string, value: Buffer, headers: Record<string, string> = {}): Promise<string> {
    return this.append({ topic, key, value, headers });
  }

  commit(group: string, topic: string, partition: number, offset: number, settled: readonly number[] = []): void {
    const metadata = encodeCommitMetadata(offset, { incarnation: 'inc', number: 1, redisIdentity: null, settled });
    this.log.broker.setCommitted({ group, topic, partition, offset, metadata });
  }

  private async append(record: OutRecord): Promise<string> {
    const [at] = await this.sink.append([record]);
    return `${at!.topic}/${at!.partition}/${at!.baseOffset}`;
  }
}

export const delivery = (event: HoldfastEvent, eventposition: string, over: Partial<Delivery> = {}): Delivery => ({
  id: 'dlv-1',
  destination: 'portal',
  event,
  eventposition,
  ordering: 'unordered',
  attempt: 0,
  hop: 0,
  generation: 0,
  firstattemptat: null,
  history: [],
  doubtful: false,
  quietat: null,
  maybetwice: false,
  reason: null,
  class: null,
  deadletteredat: null,
  operation: null,
  excluded: false,
  stages: [],
  retryms: 0,
  doubtsince: null,
  ...over,
});
