import { toLogError } from './kafkajs-errors.js';
import { type Appended, BatchProducer } from './kafkajs-producer.js';
import { isTransient, Wire, type WireContext } from './kafkajs-wire.js';
import type { OutRecord, RecordSink } from './log.port.js';
import { retrying } from './retrying.js';

/**
 * Appends outside transactions, `acks=all`, idempotent: a batch that is sent again is written once. Calls go one after the other over
 * a connection of their own. After an error it is not known what stands, and the next call begins as a new producer; the caller that
 * sends again may write twice, which readers absorb by id.
 */
export class KafkajsSink implements RecordSink {
  private readonly wire: Wire;
  private producer: BatchProducer | null = null;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly context: WireContext) {
    this.wire = new Wire(context);
  }

  append(records: readonly OutRecord[]): Promise<Appended[]> {
    const turn = this.tail.then(() => this.send(records));
    this.tail = turn.catch(() => {}); // The caller hears of it; the next call is another matter.
    return turn;
  }

  close(): void {
    this.wire.close();
  }

  private async send(records: readonly OutRecord[]): Promise<Appended[]> {
    const { appendMaxMs } = this.context.tuning;
    try {
      this.producer ??= await this.begin(appendMaxMs);
      return await this.producer.send(await this.producer.plan(records), appendMaxMs);
    } catch (error) {
      const failure = toLogError(error, `appending ${records.length} records`);
      if (failure.code !== 'too-large') this.producer = null;
      throw failure;
    }
  }

  private async begin(maxMs: number): Promise<BatchProducer> {
    const { clock, tuning } = this.context;
    const identity = await retrying(clock, { maxMs, firstMs: 20, capMs: 500, retry: isTransient }, async () => {
      const broker = await this.wire.any();
      return broker.initProducerId({ transactionTimeout: tuning.transactionTimeoutMs });
    });
    return new BatchProducer(this.context, this.wire, { ...identity, transactionalId: null });
  }
}
