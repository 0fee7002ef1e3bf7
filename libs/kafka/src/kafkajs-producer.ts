import { brokerError, sendRaw } from './kafkajs-internals.kafka.js';
import { kafkaErrorType, toLogError } from './kafkajs-errors.js';
import { type ProducePart, type ProducedPart, produceRequest } from './kafkajs-requests.js';
import { isTransient, type Wire, type WireContext } from './kafkajs-wire.js';
import { LogError, type OutRecord } from './log.port.js';
import { partitionOfKey } from './partition-of-key.js';
import { encodeBatch, type PreparedRecord, prepareRecord } from './record-batch-encode.js';

/** Who produces: Kafka drops a batch that it has by its producer, epoch and sequence. */
export type ProducerIdentity = Readonly<{ producerId: string; producerEpoch: number; transactionalId: string | null }>;
export type Appended = Readonly<{ topic: string; partition: number; baseOffset: number }>;

type Part = ProducePart & Readonly<{ count: number }>;
/** Either produced, or the error why not. */
type Outcome = Readonly<{ part: Part; produced: ProducedPart | null; error: unknown }>;
type Planned = { readonly topic: string; readonly partition: number; readonly rounds: PreparedRecord[][]; bytes: number };

const retryFirstMs = 20;
const retryMaxMs = 500;

/**
 * Produces for one identity: partitions by key, batches within the bound, one request a leader and round, tried again as it was (same
 * sequence, so Kafka drops what it has already). After an error the sequences are not known any more: the identity is thrown away.
 */
export class BatchProducer {
  private readonly sequences = new Map<string, number>();
  private keyless = 0;

  constructor(
    private readonly context: WireContext,
    private readonly wire: Wire,
    private readonly identity: ProducerIdentity,
  ) {}

  /** Which partitions the records go to. Keyless ones go round in turn, a call at a time. */
  async plan(records: readonly OutRecord[]): Promise<Planned[]> {
    const plans = new Map<string, Planned>();
    const counts = new Map<string, number>();
    const { produceBatchMaxBytes } = this.context.tuning;
    for (const record of records) {
      const count = counts.get(record.topic) ?? (await this.countOf(record.topic));
      counts.set(record.topic, count);
      const partition = record.partition ?? (record.key === null ? this.keyless % count : partitionOfKey(record.key, count));
      const place = `${record.topic}/${partition}`;
      let plan = plans.get(place);
      if (!plan) plans.set(place, (plan = { topic: record.topic, partition, rounds: [[]], bytes: 0 }));
      const prepared = prepareRecord(record);
      if (plan.bytes > 0 && plan.bytes + prepared.bytes > produceBatchMaxBytes) {
        plan.rounds.push([]);
        plan.bytes = 0;
      }
      plan.rounds[plan.rounds.length - 1]!.push(prepared);
      plan.bytes += prepared.bytes;
    }
    this.keyless += 1;
    return [...plans.values()];
  }

  async send(plans: readonly Planned[], maxMs: number): Promise<Appended[]> {
    const appended = new Map<string, Appended>();
    const untilMs = this.context.clock.monotonicMs() + maxMs;
    for (let round = 0; ; round += 1) {
      const now = plans.filter(({ rounds }) => round < rounds.length);
      if (now.length === 0) return [...appended.values()];
      for (const { topic, partition, baseOffset } of await this.sendParts(
        now.map((plan) => this.encode(plan, plan.rounds[round]!)),
        untilMs,
      )) {
        const place = `${topic}/${partition}`;
        if (!appended.has(place)) appended.set(place, { topic, partition, baseOffset });
      }
    }
  }

  private async countOf(topic: string): Promise<number> {
    const count = await this.wire.partitionCount(topic);
    if (count === null) throw new LogError('missing-topic', `topic ${topic} does not exist; create it with \`holdfast topics apply\``);
    return count;
  }

  private encode({ topic, partition }: Planned, records: readonly PreparedRecord[]): Part {
    const { producerId, producerEpoch, transactionalId } = this.identity;
    const frame = {
      producerId: BigInt(producerId),
      producerEpoch,
      baseSequence: this.sequences.get(`${topic}/${partition}`) ?? 0,
      transactional: transactionalId !== null,
      nowMs: this.context.clock.nowMs(),
      compressAboveBytes: this.context.tuning.compressAboveBytes,
    };
    return { topic, partition, batch: encodeBatch(records, frame), count: records.length };
  }

  private advance({ topic, partition, count }: Part): void {
    const place = `${topic}/${partition}`;
    this.sequences.set(place, ((this.sequences.get(place) ?? 0) + count) % 2 ** 31);
  }

  /**
   * Until every part either stands or was definitely refused; only then the first refusal is thrown, so that after it every
   * sequence is known. Out of time with a part in doubt: that part's error.
   */
  private async sendParts(parts: readonly Part[], untilMs: number): Promise<ProducedPart[]> {
    const done: ProducedPart[] = [];
    const { clock } = this.context;
    let refusal: unknown = null;
    for (let left = parts, waitMs = retryFirstMs; ; waitMs = Math.min(retryMaxMs, waitMs * 2)) {
      const outcomes = await this.attempt(left);
      for (const { produced, part } of outcomes) {
        if (!produced) continue;
        done.push(produced);
        this.advance(part);
      }
      refusal ??= outcomes.find(({ error }) => error !== null && !isTransient(error))?.error;
      const doubtful = outcomes.filter(({ error }) => error !== null && isTransient(error));
      if (doubtful.length === 0 && refusal) throw toLogError(refusal, 'producing');
      if (doubtful.length === 0) return done;
      const { part, error } = doubtful[0]!;
      if (clock.monotonicMs() + waitMs > untilMs) throw inDoubt(error, part);
      for (const { part: one } of doubtful) this.wire.forgetLeader(one.topic);
      await clock.sleep(waitMs);
      left = doubtful.map((one) => one.part);
    }
  }

  private async attempt(parts: readonly Part[]): Promise<Outcome[]> {
    const byLeader = new Map<string, Part[]>();
    const outcomes: Outcome[] = [];
    for (const part of parts) {
      try {
        const leader = await this.wire.leader(part.topic, part.partition);
        const group = byLeader.get(leader);
        if (group) group.push(part);
        else byLeader.set(leader, [part]);
      } catch (error) {
        outcomes.push({ part, produced: null, error });
      }
    }
    const answered = await Promise.all([...byLeader].map(([address, group]) => this.sendTo(address, group)));
    return outcomes.concat(...answered);
  }

  private async sendTo(address: string, parts: readonly Part[]): Promise<Outcome[]> {
    let answers: ProducedPart[];
    try {
      const broker = await this.wire.at(address);
      answers = await sendRaw(broker, produceRequest(parts, this.identity.transactionalId, this.context.tuning.requestTimeoutMs - 1_000));
    } catch (error) {
      return parts.map((part) => ({ part, produced: null, error }));
    }
    const byPlace = new Map(answers.map((answer) => [`${answer.topic}/${answer.partition}`, answer]));
    return parts.map((part) => {
      const answer = byPlace.get(`${part.topic}/${part.partition}`);
      if (!answer)
        return {
          part,
          produced: null,
          error: new LogError('unavailable', `${address} did not answer for ${part.topic}/${part.partition}`),
        };
      const error = answer.errorCode ? brokerError(answer.errorCode) : null;
      // A known duplicate: the broker has the batch already, from an attempt whose answer was lost.
      return !error || kafkaErrorType(error) === 'DUPLICATE_SEQUENCE_NUMBER'
        ? { part, produced: answer, error: null }
        : { part, produced: null, error };
    });
  }
}

/** Whether the batch stands is not known, so it must not be taken for a refusal. */
function inDoubt(error: unknown, { topic, partition }: Part): LogError {
  const told = toLogError(error, `producing to ${topic}/${partition}`);
  return told.code === 'too-large' || told.code === 'fenced' ? new LogError('unavailable', told.message, error) : told;
}
