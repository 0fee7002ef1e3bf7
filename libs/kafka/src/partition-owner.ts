import { randomBytes } from 'node:crypto';
import { decodeCommitMetadata, encodeCommitMetadata, metadataMaxBytesDefault } from './commit-metadata.js';
import { type Bounds, type Committed, LogError, type OutRecord, type PartitionLog, type PartitionReader } from './log.port.js';
import { type Owner, OwnershipError, type Ownership, type Progress, type Settlement } from './partition-owner.port.js';

/**
 * Where a group begins that has no committed offset (rule 4: never guessed).
 *
 * `own-topic`  Holdfast's own topics: `topics apply` committed an offset, so a missing one means that it expired or that somebody
 *              deleted it. Only an entirely empty partition begins by itself, at 0.
 * `earliest`   Producers' topics: the first owner begins at what retention has left, and says so in the first commit.
 */
export type BeginPolicy = 'own-topic' | 'earliest';

export type OwnerOptions = Readonly<{
  begin: BeginPolicy;
  /** The broker's `offset.metadata.max.bytes`. */
  metadataMaxBytes?: number;
  /** A random word; injected by the simulator. */
  newIncarnation?: () => string;
  /** Another topic's same partition: its offset and settled set are committed in the same transactions, under the same number. */
  beside?: PartitionReader;
}>;

type State = 'acquiring' | 'owning' | 'out';

/** States and their transitions: see the table in `partition-owner.port.ts`. Calls are taken one after the other. */
export class PartitionOwner implements Owner {
  private state: State = 'acquiring';
  private ownership: Ownership | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  private readonly metadataMaxBytes: number;
  private readonly newIncarnation: () => string;

  constructor(
    private readonly log: PartitionLog,
    private readonly options: OwnerOptions,
  ) {
    this.metadataMaxBytes = options.metadataMaxBytes ?? metadataMaxBytesDefault;
    this.newIncarnation = options.newIncarnation ?? (() => randomBytes(16).toString('base64url'));
  }

  acquire(): Promise<Ownership> {
    return this.inTurn(async () => {
      this.state = 'acquiring';
      await this.log.fence(); // From here on the owner before me can commit nothing more,
      const committed = await this.log.committed(); // so this is final (rule 2).
      const before = committed ? this.read(committed) : await this.begin();
      if (committed) await this.checkRange(before.offset, this.log);
      const mine: Ownership = { ...before, number: before.number + 1, beside: await this.acquireBeside() };
      await this.commit([], mine);
      this.state = 'owning';
      return mine;
    });
  }

  settle(settlement: Settlement): Promise<void> {
    return this.inTurn(async () => {
      const before = this.owned();
      const { offset, settled, beside = before.beside } = settlement;
      if (offset < before.offset) throw new RangeError(`${this.name()}: the offset would go back from ${before.offset} to ${offset}`);
      if ((beside?.offset ?? 0) < (before.beside?.offset ?? 0)) throw new RangeError(`${this.name()}: the offset beside would go back`);
      const redisIdentity = settlement.redisIdentity ?? before.redisIdentity;
      await this.commit(settlement.records, { ...before, offset, settled, redisIdentity, beside });
    });
  }

  prove(): Promise<void> {
    return this.inTurn(() => this.commit([], this.owned()));
  }

  current(): Ownership {
    if (!this.ownership) throw new RangeError(`${this.name()}: acquire before asking for the ownership`);
    return this.ownership;
  }

  private async commit(records: readonly OutRecord[], next: Ownership): Promise<void> {
    const batch = { records, offset: next.offset, metadata: this.metadataOf(next, next) };
    const { beside } = this.options;
    const also = beside && next.beside && { topic: beside.topic, offset: next.beside.offset, metadata: this.metadataOf(next.beside, next) };
    try {
      await this.log.commit(also ? { ...batch, beside: also } : batch);
    } catch (error) {
      if (error instanceof LogError && error.code === 'too-large') throw error; // Aborted, still mine: a smaller batch may pass (rule 8).
      this.state = error instanceof LogError && error.code === 'fenced' ? 'out' : 'acquiring';
      throw error;
    }
    this.ownership = next;
  }

  private metadataOf({ offset, settled }: Progress, { incarnation, number, redisIdentity }: Ownership): string {
    const metadata = encodeCommitMetadata(offset, { incarnation, number, redisIdentity, settled });
    const bytes = Buffer.byteLength(metadata);
    if (bytes <= this.metadataMaxBytes) return metadata;
    const text = `${this.name()}: ${settled.length} settled positions beyond ${offset} need ${bytes} bytes of commit metadata, the broker takes ${this.metadataMaxBytes}; hold the window to settledWindowMax()`;
    throw new OwnershipError('metadata-too-large', text);
  }

  private async acquireBeside(): Promise<Progress | null> {
    const { beside } = this.options;
    if (!beside) return null;
    const committed = await this.log.committed(beside.topic);
    if (!committed) {
      const { startOffset, endOffset } = await beside.bounds();
      if (startOffset === 0 && endOffset === 0) return { offset: 0, settled: [] };
      throw this.missing(beside, { startOffset, endOffset });
    }
    const { offset, settled } = this.read(committed);
    await this.checkRange(offset, beside);
    return { offset, settled };
  }

  private read({ offset, metadata }: Committed): Ownership {
    // A plain commit, as Kafka's own tool for resetting offsets makes it, begins another incarnation (rule 5).
    if (metadata === '') return this.first(offset);
    const parsed = decodeCommitMetadata(offset, metadata);
    if (parsed) return { ...parsed, offset, beside: null };
    throw new OwnershipError(
      'metadata-unreadable',
      `${this.name()}: the metadata committed at ${offset} is not Holdfast's; another program commits under this group, or a newer version wrote it`,
    );
  }

  private async begin(): Promise<Ownership> {
    const { startOffset, endOffset } = await this.log.bounds();
    if (this.options.begin === 'earliest') return this.first(startOffset);
    if (startOffset === 0 && endOffset === 0) return this.first(0);
    throw this.missing(this.log, { startOffset, endOffset });
  }

  private missing({ topic, partition }: PartitionReader, { startOffset, endOffset }: Bounds): OwnershipError {
    return new OwnershipError(
      'offset-missing',
      `${this.log.group} on ${topic}/${partition}: no committed offset, but records from ${startOffset} to ${endOffset}: it expired or was deleted; commit the right one, or reset the group to ${startOffset}`,
    );
  }

  private first(offset: number): Ownership {
    return { incarnation: this.newIncarnation(), number: 0, offset, settled: [], redisIdentity: null, beside: null };
  }

  private async checkRange(offset: number, reader: PartitionReader): Promise<void> {
    const { startOffset, endOffset } = await reader.bounds();
    if (offset >= startOffset && offset <= endOffset) return;
    throw new OwnershipError(
      'offset-out-of-range',
      `${this.log.group} on ${reader.topic}/${reader.partition}: the committed offset ${offset} is not within ${startOffset} to ${endOffset}: retention has passed it, or the topic was made anew`,
    );
  }

  private owned(): Ownership {
    if (this.state === 'owning' && this.ownership) return this.ownership;
    throw new LogError(this.state === 'out' ? 'fenced' : 'unavailable', `${this.name()}: not owned at the moment; acquire it first`);
  }

  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.tail.then(step, step);
    this.tail = turn.catch(() => {}); // The caller hears of it; the next in turn starts from the state it left.
    return turn;
  }

  private name(): string {
    return `${this.log.group} on ${this.log.topic}/${this.log.partition}`;
  }
}
