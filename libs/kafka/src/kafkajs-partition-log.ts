import { type ProducerAsk } from './kafkajs-internals.kafka.js';
import { fencedTypes, kafkaErrorType, toLogError } from './kafkajs-errors.js';
import { BatchProducer } from './kafkajs-producer.js';
import { KafkajsReader, type ReaderContext } from './kafkajs-reader.js';
import { isTransient, type Wire } from './kafkajs-wire.js';
import { type CommitBatch, type Committed, LogError, type PartitionLog } from './log.port.js';
import { retrying } from './retrying.js';

type Session = Readonly<{ ask: ProducerAsk; producer: BatchProducer }>;

const askFirstMs = 5;
const askCapMs = 500;
/** While the last transaction's markers are being written the next one is refused: a few milliseconds. */
const markersFirstMs = 1;
const markersCapMs = 20;

/**
 * One input partition's transactions, in our own steps over kafkajs's connections:
 *
 *   1. partitions and offsets are added to the transaction (waiting out the markers of the one before),
 *   2. records are produced and the offset with its metadata is sent, side by side,
 *   3. the transaction is ended, once.
 *
 * Rule 3: the request that ends a transaction is sent exactly once. Only an answer that says "fenced" is definite; any other
 * error there, a refusal by a moving coordinator included, may stand for a commit that was written, so it is `unknown-end`.
 * After any error but `too-large` the session is thrown away, and nothing is committed before the next `fence`.
 */
export class KafkajsPartitionLog extends KafkajsReader implements PartitionLog {
  private session: Session | null = null;
  private readonly transactionalId: string;

  constructor(
    context: ReaderContext,
    private readonly transactions: Wire,
    readonly group: string,
    topic: string,
    partition: number,
  ) {
    super(context, topic, partition);
    this.transactionalId = `${group}-${topic}-${partition}`;
  }

  /** InitProducerId: aborts what the owner before me has open, waits for a commit of its that is being written, and bumps the epoch. */
  async fence(): Promise<void> {
    this.session = null;
    const { clock, tuning } = this.context;
    const { transactionalId } = this;
    const identity = await this.ask(`fencing ${transactionalId}`, async () => {
      const coordinator = await this.transactionCoordinator();
      return coordinator.initProducerId({ transactionalId, transactionTimeout: tuning.transactionTimeoutMs });
    });
    const ask: ProducerAsk = { transactionalId, producerId: identity.producerId, producerEpoch: identity.producerEpoch };
    this.session = { ask, producer: new BatchProducer(this.context, this.transactions, ask) };
    this.context.logger.debug({ transactionalId, ...identity, atMs: clock.nowMs() }, 'fenced');
  }

  async committed(topic: string = this.topic): Promise<Committed | null> {
    const { partition, group } = this;
    const { responses } = await this.ask(`reading the offset of ${group} on ${topic}/${partition}`, async () => {
      const coordinator = await this.transactions.coordinator('group', group);
      return coordinator.offsetFetch({ groupId: group, topics: [{ topic, partitions: [{ partition }] }] });
    });
    const found = responses[0]?.partitions[0];
    if (!found || Number(found.offset) < 0) return null; // Never resolved to anything (rule 4).
    return { offset: Number(found.offset), metadata: found.metadata ?? '' };
  }

  async commit(batch: CommitBatch): Promise<void> {
    const { session } = this;
    if (!session) throw new RangeError(`${this.transactionalId}: fence before the first commit and after any failed one`);
    this.session = null; // Given back below, when the outcome is known.
    try {
      await this.write(session, batch);
    } catch (error) {
      const failure = toLogError(error, `committing ${batch.offset} of ${this.transactionalId}`);
      const aborted = failure.code === 'fenced' ? false : await this.abort(session);
      if (failure.code !== 'too-large') throw failure;
      if (!aborted) throw new LogError('unavailable', `${failure.message}; and its abort was not answered`, error);
      this.session = session;
      throw failure;
    }
    await this.end(session);
    this.session = session;
  }

  private async write({ ask, producer }: Session, { records, offset, metadata, beside }: CommitBatch): Promise<void> {
    const { group, topic, partition } = this;
    const plans = await producer.plan(records);
    const offsets = [{ topic, offset, metadata }, ...(beside ? [beside] : [])];
    await this.begin(ask, plans);
    const sendOffset = async (): Promise<void> => {
      const coordinator = await this.transactions.coordinator('group', group);
      await coordinator.txnOffsetCommit({
        ...ask,
        groupId: group,
        topics: offsets.map((one) => ({
          topic: one.topic,
          partitions: [{ partition, offset: String(one.offset), metadata: one.metadata }],
        })),
      });
    };
    const [sent, committed] = await Promise.allSettled([
      producer.send(plans, this.context.tuning.transactionalProduceMaxMs),
      this.again(this.context.tuning.transactionalProduceMaxMs, sendOffset, isRefusalThatPasses),
    ]);
    if (sent.status === 'rejected') throw sent.reason;
    if (committed.status === 'rejected') throw committed.reason;
  }

  /** Both requests go out at once; the broker takes those of one connection in order. */
  private async begin(ask: ProducerAsk, plans: readonly { topic: string; partition: number }[]): Promise<void> {
    const byTopic = new Map<string, number[]>();
    for (const { topic, partition } of plans) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
    const topics = [...byTopic].map(([topic, partitions]) => ({ topic, partitions }));
    await retrying(
      this.context.clock,
      { maxMs: this.context.tuning.transactionalProduceMaxMs, firstMs: markersFirstMs, capMs: markersCapMs, retry: isTransient },
      async () => {
        const coordinator = await this.transactionCoordinator();
        const added = await Promise.allSettled([
          topics.length > 0 ? coordinator.addPartitionsToTxn({ ...ask, topics }) : null,
          coordinator.addOffsetsToTxn({ ...ask, groupId: this.group }),
        ]);
        const refused = added.find((one) => one.status === 'rejected');
        if (!refused) return;
        if (kafkaErrorType(refused.reason) !== 'CONCURRENT_TRANSACTIONS') this.forgetCoordinators();
        throw refused.reason;
      },
    );
  }

  /** Once, and never again (rule 3). */
  private async end({ ask }: Session): Promise<void> {
    try {
      const coordinator = await this.transactionCoordinator();
      await coordinator.endTxn({ ...ask, transactionResult: true });
    } catch (error) {
      this.forgetCoordinators();
      if (fencedTypes.has(kafkaErrorType(error))) throw toLogError(error, `committing ${ask.transactionalId}`);
      const text = error instanceof Error ? error.message : String(error);
      throw new LogError(
        'unknown-end',
        `${ask.transactionalId}: the answer to the commit is lost (${text}); fence and read what stands`,
        error,
      );
    }
  }

  /** Best effort: whoever fences next aborts it as well. */
  private async abort({ ask }: Session): Promise<boolean> {
    try {
      const coordinator = await this.transactionCoordinator();
      await coordinator.endTxn({ ...ask, transactionResult: false });
      return true;
    } catch (error) {
      this.context.logger.debug({ err: error, transactionalId: ask.transactionalId }, 'an abort was not answered; the next fence aborts');
      return false;
    }
  }

  private transactionCoordinator() {
    return this.transactions.coordinator('transaction', this.transactionalId);
  }

  private forgetCoordinators(): void {
    this.transactions.forgetCoordinator('transaction', this.transactionalId);
    this.transactions.forgetCoordinator('group', this.group);
  }

  private async ask<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await this.again(this.context.tuning.askMaxMs, attempt);
    } catch (error) {
      throw toLogError(error, doing);
    }
  }

  private again<T>(maxMs: number, attempt: () => Promise<T>, retry: (error: unknown) => boolean = isTransient): Promise<T> {
    return retrying(this.context.clock, { maxMs, firstMs: askFirstMs, capMs: askCapMs, retry }, async () => {
      try {
        return await attempt();
      } catch (error) {
        if (kafkaErrorType(error) !== 'CONCURRENT_TRANSACTIONS') this.forgetCoordinators();
        throw error;
      }
    });
  }
}

/**
 * The broker's own word. An offset without an answer is not sent again in its transaction: nothing numbers these requests, and one
 * that arrives late would put its older offset into a later transaction of the same epoch. The transaction fails, and the next
 * fence ends the epoch.
 */
const isRefusalThatPasses = (error: unknown): boolean => kafkaErrorType(error) !== '' && isTransient(error);
