import type { Clock, OutRecord, RecordSink } from '#libs/kafka/src/index.js';
import { LogError } from '#libs/kafka/src/index.js';
import type { AppendOutcome, EventAppender } from './ingest.ports.js';

export type BatcherBounds = Readonly<{
  /** Records and their bookkeeping held at once, waiting and under way together. */
  inFlightMaxBytes: number;
  /** One produce round. */
  batchMaxRecords: number;
  batchMaxBytes: number;
  /** From `append` to its answer. */
  appendMaxMs: number;
}>;
export type RoundLine = Readonly<{ records: number; bytes: number; tookMs: number; outcome: AppendOutcome; error: string | null }>;

type Entry = { record: OutRecord; bytes: number; deadlineMs: number; answer: ((outcome: AppendOutcome) => void) | null };

/**
 * Natural batching: while one produce round is under way the next batch fills. Low load means small batches and low latency,
 * high load large ones, without a timer.
 *
 * | state   | entered by                              | left by                                   |
 * | ------- | --------------------------------------- | ----------------------------------------- |
 * | idle    | a round ended and nothing waits         | an append → running                       |
 * | running | a round was begun                       | its end → running or idle; overdue → stalled |
 * | stalled | a round is older than `appendMaxMs`     | its end → running or idle                 |
 *
 * Stalled, every append is answered `busy` at once: one hanging broker must not make each sender wait for the whole bound.
 * An answer that is not `appended` makes no promise: the record may stand in the log. The sender repeats, dedupe absorbs.
 * Bytes of a round count until the round has really ended, since its memory is held that long.
 */
export class AppendBatcher implements EventAppender {
  private waiting: Entry[] = [];
  private round: { entries: Entry[]; startedMs: number } | null = null;
  private heldBytes = 0;
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;
  private readonly idleListeners: (() => void)[] = [];

  constructor(
    private readonly sink: RecordSink,
    private readonly bounds: BatcherBounds,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly told: (line: RoundLine) => void = () => {},
  ) {}

  append(record: OutRecord, bytes: number): Promise<AppendOutcome> {
    if (this.stopping) return Promise.resolve('stopping');
    if (this.stalled || this.heldBytes + bytes > this.bounds.inFlightMaxBytes) return Promise.resolve('busy');
    this.heldBytes += bytes;
    return new Promise((answer) => {
      this.waiting.push({ record, bytes, deadlineMs: this.clock.monotonicMs() + this.bounds.appendMaxMs, answer });
      this.watch();
      if (this.round === null) this.begin();
    });
  }

  /** True while a round has not been answered in time: the log cannot be reached. */
  get stalled(): boolean {
    return this.round !== null && this.clock.monotonicMs() - this.round.startedMs >= this.bounds.appendMaxMs;
  }

  /** Takes nothing more; resolves when all that was taken is answered. Bounded by `appendMaxMs`, since every entry is. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.waiting.length === 0 && (this.round === null || this.round.entries.every(({ answer }) => answer === null))) return;
    await new Promise<void>((resolve) => this.idleListeners.push(resolve));
  }

  private begin(): void {
    const round = { entries: [] as Entry[], startedMs: this.clock.monotonicMs() };
    this.round = round;
    // One turn of the event loop lets the requests that were read together go together.
    setImmediate(() => void this.run(round));
  }

  private takeBatch(): Entry[] {
    const { batchMaxRecords, batchMaxBytes } = this.bounds;
    let count = 0;
    let bytes = 0;
    for (const entry of this.waiting) {
      if (count >= batchMaxRecords || (count > 0 && bytes + entry.bytes > batchMaxBytes)) break;
      bytes += entry.bytes;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  private async run(round: { entries: Entry[]; startedMs: number }): Promise<void> {
    round.entries = this.takeBatch();
    await this.send(round.entries, round.startedMs);
    for (const { bytes } of round.entries) this.heldBytes -= bytes;
    this.round = null;
    if (this.waiting.length > 0) this.begin();
    else this.whenIdle();
  }

  /** A batch that is too large for the log is halved until one record stands alone (rule 8). */
  private async send(entries: Entry[], startedMs: number): Promise<void> {
    if (entries.length === 0) return;
    const outcome = await this.sendOnce(entries, startedMs);
    if (outcome === 'too-large' && entries.length > 1) {
      const half = entries.length >> 1;
      await this.send(entries.slice(0, half), startedMs);
      await this.send(entries.slice(half), startedMs);
      return;
    }
    for (const entry of entries) this.settle(entry, outcome);
  }

  private async sendOnce(entries: Entry[], startedMs: number): Promise<AppendOutcome> {
    let outcome: AppendOutcome = 'appended';
    let error: string | null = null;
    try {
      await this.sink.append(entries.map(({ record }) => record));
    } catch (cause) {
      outcome = cause instanceof LogError && cause.code === 'too-large' ? 'too-large' : 'unavailable';
      error = cause instanceof Error ? cause.message : String(cause);
    }
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    this.told({ records: entries.length, bytes, tookMs: this.clock.monotonicMs() - startedMs, outcome, error });
    return outcome;
  }

  private settle(entry: Entry, outcome: AppendOutcome): void {
    entry.answer?.(outcome);
    entry.answer = null;
  }

  /** One timer for all: entries are answered in the order they came, so the oldest is the next to be overdue. */
  private watch(): void {
    if (this.timer !== null) return;
    const oldest = this.round?.entries.find(({ answer }) => answer !== null) ?? this.waiting[0];
    if (oldest === undefined) return;
    this.timer = setTimeout(() => this.expire(), Math.max(1, oldest.deadlineMs - this.clock.monotonicMs()));
    this.timer.unref();
  }

  private expire(): void {
    this.timer = null;
    const nowMs = this.clock.monotonicMs();
    for (const entry of this.round?.entries ?? []) if (entry.deadlineMs <= nowMs) this.settle(entry, 'timeout');
    const firstInTime = this.waiting.findIndex(({ deadlineMs }) => deadlineMs > nowMs);
    for (const entry of this.waiting.splice(0, firstInTime < 0 ? this.waiting.length : firstInTime)) {
      this.heldBytes -= entry.bytes;
      this.settle(entry, 'timeout');
    }
    this.watch();
    if (this.waiting.length === 0 && (this.round === null || this.round.entries.every(({ answer }) => answer === null))) this.whenIdle();
  }

  private whenIdle(): void {
    for (const listener of this.idleListeners.splice(0)) listener();
  }
}
