import type { Codec } from '#libs/contracts/src/index.js';
import type { LogCluster, LogRecord, PartitionReader } from '#libs/kafka/src/index.js';
import { offsetSince, scanPartition } from '#libs/ledger/src/index.js';
import { OPERATION_HEADER } from './departures.js';
import type { OperationOutcomes } from './operation-outcomes.js';

/** Brokers' clocks may differ by this much. */
const SKEW_MS = 60_000;

/** Reads on in hf.ledger while operations wait for outcomes, and decodes only what is about them. */
export class LedgerTail {
  private readonly places = new Map<number, { reader: PartitionReader; next: number }>();

  constructor(
    private readonly topic: string,
    private readonly cluster: Pick<LogCluster, 'reader' | 'partitions'>,
    private readonly outcomes: OperationOutcomes,
  ) {}

  /** Everything that stands by now. Begins at what was appended since `sinceMs`, where it did not read before. */
  async read(codec: Codec, sinceMs: number): Promise<void> {
    if (this.places.size === 0) await this.begin(sinceMs);
    for (const place of this.places.values()) {
      const { endOffset } = await place.reader.bounds();
      if (endOffset > place.next)
        place.next = await scanPartition(place.reader, { from: place.next, to: endOffset }, (record) => this.see(record, codec));
    }
  }

  stop(): void {
    this.places.clear();
  }

  private async begin(sinceMs: number): Promise<void> {
    const partitions = (await this.cluster.partitions(this.topic)) ?? 0;
    const begun = new Map<number, { reader: PartitionReader; next: number }>();
    for (let partition = 0; partition < partitions; partition++) {
      const reader = this.cluster.reader(this.topic, partition);
      begun.set(partition, { reader, next: await offsetSince(reader, await reader.bounds(), sinceMs - SKEW_MS) });
    }
    for (const [partition, place] of begun) this.places.set(partition, place);
  }

  private async see({ key, headers, value }: LogRecord, codec: Codec): Promise<void> {
    const operation = headers[OPERATION_HEADER]?.toString() ?? null;
    if (value === null || !this.outcomes.wants(key?.toString() ?? '', operation)) return;
    const fact = await codec.decode('Fact', value);
    if (fact.ok) this.outcomes.seen(fact.value, operation);
  }
}
