import type { Clock } from './clock.port.js';
import { type Chunk, LogError, type LogRecord } from './log.port.js';
import { type RawBatch, readRecords } from './record-batch.js';

type Queued = Readonly<{ batch: RawBatch; committed: boolean }>;

/** Whatever makes the fetcher look again at who wants data. */
export type Wanting = (cursor: Cursor) => void;

/**
 * One reader's place in a partition and what was fetched ahead for it. Batches wait as they came and are decoded when they are
 * read. A seek forgets them and begins another `era`; answers to a fetch of an earlier era are dropped.
 */
export class Cursor {
  era = 0;
  /** Where the next fetch begins. */
  fetchOffset = 0;
  queuedBytes = 0;
  lastStableOffset = 0;
  progressedAtMs: number;
  private askedAtMs = -Infinity;
  /** Where the reader stands: what it was given ends here. */
  private position = -1;
  private readonly queue: Queued[] = [];
  private decoded: LogRecord[] = [];
  private decodedAt = 0;
  private decodedEnd = 0;
  private failure: LogError | null = null;
  private wake: (() => void) | null = null;

  readonly topic: string;
  readonly partition: number;
  /** A glance at a single record. */
  wantsOne = false;
  private readonly isGlance: boolean;

  constructor(
    of: Readonly<{ topic: string; partition: number; how: 'through' | 'glance' }>,
    private readonly clock: Clock,
    private readonly wanting: Wanting,
  ) {
    this.topic = of.topic;
    this.partition = of.partition;
    this.isGlance = of.how === 'glance';
    this.progressedAtMs = clock.monotonicMs();
  }

  async read(fromOffset: number, max: Readonly<{ records: number; waitMs: number }>, signal?: AbortSignal): Promise<Chunk> {
    if (fromOffset !== this.position) this.seek(fromOffset);
    this.askedAtMs = this.clock.monotonicMs();
    this.wantsOne = this.isGlance && max.records === 1;
    if (!this.isGlance) this.wanting(this);
    const ready = this.take(max.records);
    if (ready) return ready;
    this.throwFailure();
    if (max.waitMs <= 0 || signal?.aborted) return this.nothing();
    const enough = new AbortController();
    const stop = (): void => enough.abort();
    signal?.addEventListener('abort', stop, { once: true });
    this.wake = stop;
    if (this.isGlance) this.wanting(this);
    await this.clock.sleep(max.waitMs, enough.signal);
    signal?.removeEventListener('abort', stop);
    if (this.wake === stop) this.wake = null;
    this.askedAtMs = this.clock.monotonicMs();
    const chunk = this.take(max.records);
    if (!chunk) this.throwFailure();
    return chunk ?? this.nothing();
  }

  /** Whether its reader is taking as fast as it can: then an answer should not wait for other partitions' data. */
  isDraining(withinMs: number): boolean {
    return this.clock.monotonicMs() - this.progressedAtMs < withinMs;
  }

  /** Whether its reader has asked lately: one that has gone is not fetched for. */
  isAsking(idleMs: number): boolean {
    if (this.position < 0 || this.failure !== null) return false;
    return this.wake !== null || (!this.isGlance && this.clock.monotonicMs() - this.askedAtMs < idleMs);
  }

  accept(era: number, batches: readonly RawBatch[], committed: readonly boolean[]): void {
    if (era !== this.era) return;
    batches.forEach((batch, index) => {
      if (batch.lastOffset < this.fetchOffset) return;
      this.queue.push({ batch, committed: committed[index]! });
      this.queuedBytes += batch.bytes.length;
      this.fetchOffset = batch.lastOffset + 1;
    });
    if (batches.length > 0) this.wake?.();
  }

  fail(era: number, error: LogError): void {
    if (era !== this.era) return;
    this.failure = error;
    this.wake?.();
  }

  /** Read up to here. */
  get readOffset(): number {
    return this.position;
  }

  private seek(offset: number): void {
    this.era += 1;
    this.position = offset;
    this.fetchOffset = offset;
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.decoded = [];
    this.decodedAt = 0;
    this.failure = null;
  }

  /** Null: nothing beyond the position has come yet. Only aborted and control records: an empty chunk that stands behind them. */
  private take(maxRecords: number): Chunk | null {
    const from = this.position;
    const records: LogRecord[] = [];
    while (records.length < maxRecords) {
      if (this.decodedAt < this.decoded.length) {
        const upTo = Math.min(this.decoded.length, this.decodedAt + maxRecords - records.length);
        while (this.decodedAt < upTo) records.push(this.decoded[this.decodedAt++]!);
        this.position = this.decodedAt < this.decoded.length ? records[records.length - 1]!.offset + 1 : this.decodedEnd;
        continue;
      }
      const queued = this.queue[0];
      if (!queued) break;
      if (!this.open(queued, records.length === 0)) break;
      this.queue.shift();
      this.queuedBytes -= queued.batch.bytes.length;
    }
    if (this.position === from) return null;
    this.progressedAtMs = this.clock.monotonicMs();
    if (!this.isGlance) this.wanting(this);
    return { records, nextOffset: this.position };
  }

  /** False: it cannot be read, and what was read before it is to be given out first. A batch that cannot be read is never passed over. */
  private open({ batch, committed }: Queued, first: boolean): boolean {
    try {
      this.decoded = committed ? readRecords(batch, this.topic, this.partition, this.position) : [];
    } catch (error) {
      if (!first) return false;
      this.position = -1;
      const where = `${this.topic}/${this.partition}/${batch.baseOffset}`;
      throw error instanceof LogError
        ? error
        : new LogError('unreadable', `${where}: the batch cannot be decoded (${String(error)})`, error);
    }
    this.decodedAt = 0;
    this.decodedEnd = batch.lastOffset + 1;
    if (this.decoded.length === 0) this.position = this.decodedEnd;
    return true;
  }

  private nothing(): Chunk {
    return { records: [], nextOffset: this.position };
  }

  /** Told once; a reader that asks again has it looked at again. */
  private throwFailure(): void {
    const { failure } = this;
    if (!failure) return;
    this.failure = null;
    this.position = -1;
    throw failure;
  }
}
