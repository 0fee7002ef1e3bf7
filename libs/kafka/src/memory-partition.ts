import { type Bounds, type Chunk, LogError, type LogRecord } from './log.port.js';

export type MemoryTransaction = {
  readonly id: string;
  state: 'open' | 'committed' | 'aborted';
  readonly openedAtMs: number;
  readonly wrote: Set<MemoryPartition>;
};

type Entry = Readonly<{ record: LogRecord | null; transaction: MemoryTransaction | null }>;

/** One partition as a broker keeps it: data and control markers in one run of offsets, and a last stable offset. */
export class MemoryPartition {
  private entries: Entry[] = [];
  private startOffset = 0;
  private readonly open = new Map<MemoryTransaction, number>();
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  append(record: Omit<LogRecord, 'topic' | 'partition' | 'offset'>, transaction: MemoryTransaction | null): number {
    const offset = this.highWatermark();
    if (transaction && !this.open.has(transaction)) {
      this.open.set(transaction, offset);
      transaction.wrote.add(this);
    }
    this.entries.push({ record: { ...record, topic: this.topic, partition: this.partition, offset }, transaction });
    this.wake();
    return offset;
  }

  /** The control marker that ends a transaction here takes an offset of its own. */
  mark(transaction: MemoryTransaction): void {
    this.open.delete(transaction);
    this.entries.push({ record: null, transaction });
    this.wake();
  }

  highWatermark(): number {
    return this.startOffset + this.entries.length;
  }

  bounds(): Bounds {
    return { startOffset: this.startOffset, endOffset: Math.min(this.highWatermark(), ...this.open.values()) };
  }

  /** Retention: everything before `startOffset` is gone. */
  trim(startOffset: number): void {
    const gone = Math.min(Math.max(0, startOffset - this.startOffset), this.entries.length);
    this.entries.splice(0, gone);
    this.startOffset += gone;
  }

  read(fromOffset: number, maxRecords: number): Chunk {
    const { startOffset, endOffset } = this.bounds();
    if (fromOffset < startOffset || fromOffset > this.highWatermark()) {
      throw new LogError(
        'out-of-range',
        `${this.topic}/${this.partition}: ${fromOffset} is not within ${startOffset} to ${this.highWatermark()}`,
      );
    }
    const records: LogRecord[] = [];
    let nextOffset = fromOffset;
    while (nextOffset < endOffset && records.length < maxRecords) {
      const { record, transaction } = this.entries[nextOffset - startOffset]!;
      if (record && transaction?.state !== 'aborted') records.push(record);
      nextOffset += 1;
    }
    return { records, nextOffset };
  }

  /** Resolves with the next append, marker or end of a transaction, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}
