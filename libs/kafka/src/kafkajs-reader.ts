import type { Cursor } from './kafkajs-cursor.js';
import { toLogError } from './kafkajs-errors.js';
import type { Fetcher } from './kafkajs-fetcher.js';
import { isTransient, type Wire, type WireContext } from './kafkajs-wire.js';
import type { Bounds, Chunk, PartitionReader } from './log.port.js';
import { retrying } from './retrying.js';

/** `ask`: the wire for short questions. */
export type ReaderContext = WireContext & Readonly<{ fetcher: Fetcher; askWire: Wire }>;

const earliest = -2;
const latest = -1;
const readCommitted = 1;

/** Reads one partition by position, from the process's fetcher. */
export class KafkajsReader implements PartitionReader {
  private open: Cursor | null = null;

  constructor(
    protected readonly context: ReaderContext,
    readonly topic: string,
    readonly partition: number,
    private readonly how: 'through' | 'glance' = 'through',
  ) {}

  read(fromOffset: number, max: { records: number; waitMs: number }, signal?: AbortSignal): Promise<Chunk> {
    return this.cursor().read(fromOffset, max, signal);
  }

  async bounds(): Promise<Bounds> {
    const [startOffset, endOffset] = await Promise.all([this.offsetAt(earliest), this.offsetAt(latest)]);
    return { startOffset, endOffset };
  }

  /** Where it reads and since when it has not moved on; null before the first read. */
  progress(): Readonly<{ readOffset: number; lastStableOffset: number; progressedAtMs: number }> | null {
    return (
      this.open && {
        readOffset: this.open.readOffset,
        lastStableOffset: this.open.lastStableOffset,
        progressedAtMs: this.open.progressedAtMs,
      }
    );
  }

  private cursor(): Cursor {
    this.open ??= this.context.fetcher.cursor(this.topic, this.partition, this.how);
    return this.open;
  }

  /** Read committed, so that `latest` is the last stable offset. */
  private async offsetAt(timestamp: number): Promise<number> {
    const { topic, partition } = this;
    const { clock, tuning, askWire } = this.context;
    const attempt = async (): Promise<number> => {
      try {
        const broker = await askWire.at(await askWire.leader(topic, partition));
        const { responses } = await broker.listOffsets({
          isolationLevel: readCommitted,
          topics: [{ topic, partitions: [{ partition, timestamp }] }],
        });
        return Number(responses[0]!.partitions[0]!.offset);
      } catch (error) {
        askWire.forgetLeader(topic);
        throw error;
      }
    };
    try {
      return await retrying(clock, { maxMs: tuning.askMaxMs, firstMs: 20, capMs: 500, retry: isTransient }, attempt);
    } catch (error) {
      throw toLogError(error, `reading the bounds of ${topic}/${partition}`);
    }
  }
}
