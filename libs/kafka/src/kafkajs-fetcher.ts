import { Cursor } from './kafkajs-cursor.js';
import { kafkaErrorType, toLogError } from './kafkajs-errors.js';
import { brokerError, sendRaw } from './kafkajs-internals.kafka.js';
import { type FetchedPartition, fetchRequest } from './kafkajs-requests.js';
import { isTransient, Wire, type WireContext } from './kafkajs-wire.js';
import { committedBatches, splitBatches } from './record-batch.js';

const failedFirstMs = 50;
const failedMaxMs = 1_000;
/** Waits for a leader that is not known at the moment. */
const nowhere = 'nowhere';
const busyWaitMs = 5;
const turnWaitMs = 25;
const warnEveryMs = 10_000;

/**
 * Reads for every reader of the process: one fetch at a time to each leader, for all partitions that want data at that moment.
 *
 * A pump runs per leader while somebody wants data from it. Nothing here resets an offset: out of range is told to the reader.
 * Connections and leaders that change are looked up again with a backoff, and the readers notice only that nothing comes.
 */
export class Fetcher {
  private readonly wire: Wire;
  /** Where each cursor that wants data is served; one whose reader has gone quiet is not in it. */
  private readonly places = new Map<Cursor, string>();
  private readonly pumps = new Set<string>();
  private round = 0;
  private napping = 0;
  private nap = new AbortController();
  private warnedAtMs = -Infinity;
  private readonly closing = new AbortController();

  constructor(private readonly context: WireContext) {
    this.wire = new Wire(context);
  }

  cursor(topic: string, partition: number, how: 'through' | 'glance'): Cursor {
    return new Cursor({ topic, partition, how }, this.context.clock, (one) => this.wanted(one));
  }

  close(): void {
    this.closing.abort();
    this.wire.close();
  }

  /** Called with every read: cheap when its pump runs. */
  private wanted(cursor: Cursor): void {
    if (this.closing.signal.aborted) return;
    const place = this.places.get(cursor) ?? nowhere;
    this.places.set(cursor, place);
    if (this.napping > 0) this.nap.abort();
    if (!this.pumps.has(place))
      this.pump(place).catch((error: unknown) => this.context.logger.error({ err: error, place }, 'a fetch loop ended'));
  }

  private async pump(place: string): Promise<void> {
    this.pumps.add(place);
    const { clock } = this.context;
    for (let failures = 0; !this.closing.signal.aborted;) {
      const { wants, waitMs, resting } = this.wants(place);
      if (wants.length === 0 && !resting) break;
      try {
        if (place === nowhere) await this.locate(wants);
        else if (wants.length > 0) await this.fetch(place, wants, waitMs);
        else await this.rest(); // All prefetches are full: their readers are slower than we are.
        failures = 0;
      } catch (error) {
        if (this.closing.signal.aborted) break;
        failures += 1;
        this.warn(error, place);
        for (const cursor of wants) this.misplace(cursor);
        await clock.sleep(Math.min(failedMaxMs, failedFirstMs * 2 ** Math.min(failures, 10)), this.closing.signal);
      }
    }
    this.pumps.delete(place);
  }

  /**
   * One cursor a partition: readers of the same one take turns. `waitMs`: how long the broker may wait for data, little when somebody
   * is about to have room again or waits for a turn. `resting`: somebody's prefetch is full.
   */
  private wants(place: string): { wants: Cursor[]; waitMs: number; resting: boolean } {
    const { readerIdleMs, prefetchPartitionMaxBytes, prefetchMaxBytes, fetchWaitMs } = this.context.tuning;
    let totalBytes = 0;
    for (const cursor of this.places.keys()) totalBytes += cursor.queuedBytes;
    const wants = new Map<string, Cursor>();
    const contested = new Set<Cursor>();
    let waitMs = fetchWaitMs;
    let resting = false;
    for (const [cursor, at] of this.places) {
      if (at !== place) continue;
      if (!cursor.isAsking(readerIdleMs)) {
        this.places.delete(cursor); // It comes back with its next read.
        continue;
      }
      const key = `${cursor.topic}/${cursor.partition}`;
      const first = wants.get(key);
      const full = cursor.queuedBytes >= prefetchPartitionMaxBytes || (totalBytes >= prefetchMaxBytes && cursor.queuedBytes > 0);
      if (first) waitMs = Math.min(waitMs, turnWaitMs);
      if (full && cursor.isDraining(fetchWaitMs)) waitMs = busyWaitMs;
      if (full) resting = true;
      if (first && !full) contested.add(first);
      if (!full && !first) wants.set(key, cursor);
    }
    for (const cursor of contested) {
      this.places.delete(cursor);
      this.places.set(cursor, place);
    }
    // Whoever comes first in a fetch gets its first batch whole, however large: each in turn.
    const list = [...wants.values()];
    const first = list.length > 0 ? this.round++ % list.length : 0;
    return { wants: [...list.slice(first), ...list.slice(0, first)], waitMs, resting };
  }

  /** Until a reader has taken something. */
  private async rest(): Promise<void> {
    if (this.nap.signal.aborted) this.nap = new AbortController();
    this.napping += 1;
    await this.context.clock.sleep(this.context.tuning.fetchWaitMs, AbortSignal.any([this.nap.signal, this.closing.signal]));
    this.napping -= 1;
  }

  private warn(error: unknown, place: string): void {
    const nowMs = this.context.clock.monotonicMs();
    if (nowMs - this.warnedAtMs < warnEveryMs) return;
    this.warnedAtMs = nowMs;
    this.context.logger.warn({ err: error, place }, 'a fetch failed; it is tried again until it passes');
  }

  private async locate(wants: readonly Cursor[]): Promise<void> {
    let last: unknown = null;
    for (const cursor of wants) {
      const { era } = cursor;
      try {
        this.move(cursor, await this.wire.leader(cursor.topic, cursor.partition));
      } catch (error) {
        if (!isTransient(error)) cursor.fail(era, toLogError(error, `reading ${cursor.topic}/${cursor.partition}`));
        else last = error;
      }
    }
    if (last) throw toLogError(last, 'looking for leaders');
  }

  private move(cursor: Cursor, place: string): void {
    this.places.set(cursor, place);
    this.wanted(cursor);
  }

  private misplace(cursor: Cursor): void {
    this.wire.forgetLeader(cursor.topic);
    if (this.places.has(cursor)) this.move(cursor, nowhere);
  }

  private async fetch(address: string, wants: readonly Cursor[], waitMs: number): Promise<void> {
    const { tuning } = this.context;
    const asked = new Map(wants.map((cursor) => [`${cursor.topic}/${cursor.partition}`, { cursor, era: cursor.era }]));
    const broker = await this.wire.at(address);
    const list = wants.map((cursor) => ({
      topic: cursor.topic,
      partition: cursor.partition,
      fromOffset: cursor.fetchOffset,
      // The first batch comes whole, however small the bound.
      maxBytes: cursor.wantsOne ? 1 : tuning.fetchPartitionMaxBytes,
    }));
    const answers = await sendRaw(broker, fetchRequest(list, { waitMs, maxBytes: tuning.fetchMaxBytes }));
    for (const answer of answers) {
      const ask = asked.get(`${answer.topic}/${answer.partition}`);
      if (ask) this.accept(ask.cursor, ask.era, answer, answers.length > 1);
    }
  }

  private accept(cursor: Cursor, era: number, answer: FetchedPartition, shared: boolean): void {
    const where = `${answer.topic}/${answer.partition}`;
    if (answer.errorCode !== 0) {
      const error = brokerError(answer.errorCode);
      if (kafkaErrorType(error) === 'OFFSET_OUT_OF_RANGE' || !isTransient(error))
        cursor.fail(era, toLogError(error, `reading ${where} from ${cursor.fetchOffset}`));
      else this.misplace(cursor);
      return;
    }
    cursor.lastStableOffset = answer.lastStableOffset;
    try {
      // A record that is kept for long keeps its whole buffer: one partition's bytes are cut loose from the others'.
      const batches = splitBatches(shared ? Buffer.from(answer.batches) : answer.batches, where);
      cursor.accept(era, batches, committedBatches(batches, answer.aborted));
    } catch (error) {
      cursor.fail(era, toLogError(error, `reading ${where}`));
    }
  }
}
