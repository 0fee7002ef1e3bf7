import type { OffsetRange } from '#libs/delivery/src/index.js';
import {
  LogError,
  type Clock,
  type OutRecord,
  type Owner,
  type Ownership,
  type PartitionLog,
  type Settlement,
} from '#libs/kafka/src/index.js';
import type { DeliverBounds } from './deliver.config.js';
import { Signal } from './signal.js';
import { besideKey, isBeside, offsetOf } from './beside-key.js';
import type { Books } from './standing.js';
import type { Window } from './window.js';

/** What one position writes when it is settled; `digest` stands in when the records are too large (rule 8). */
export type Settled = Readonly<{
  offset: number;
  records: readonly OutRecord[];
  bytes: number;
  digest: (() => readonly OutRecord[]) | null;
  /** Called once, when the settlement stands. */
  told(): void;
}>;

export type SettlerParts = Readonly<{
  owner: Owner;
  log: PartitionLog;
  window: () => Window;
  /** Of the other log that is settled in the same transactions; null: there is none. Its positions are besideKeys. */
  beside: () => Window | null;
  clock: Clock;
  bounds: DeliverBounds;
  /** Their settlement stands in Kafka. */
  settled(offsets: readonly number[]): void;
  failed(error: unknown): void;
}>;

/**
 * Settles what has ended: one transaction for many, when enough has ended or the first of it has waited for a while; the next
 * begins when the last ended. Nobody waits for a settlement, and a transaction costs the broker about as much as forty records.
 * All that the partition asks of Kafka goes through here, one thing at a time, so that the committed set is never an older one.
 */
export class Settler implements Books {
  private pending: Settled[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  private isOwned = false;
  private isSettling = false;
  private readonly changed = new Signal();
  private readonly closing = new AbortController();
  /** Aborted when enough is pending. */
  private enough = new AbortController();

  constructor(private readonly parts: SettlerParts) {}

  add(settled: Settled): void {
    if (this.closing.signal.aborted) return;
    this.pending.push(settled);
    if (this.pending.length === 1) this.changed.fire();
    if (this.pending.length === this.parts.bounds.settleAtRecords) this.enough.abort();
  }

  /** Until `close`, and then until nothing is left that can be settled. */
  async run(): Promise<void> {
    const { clock, bounds } = this.parts;
    for (;;) {
      const isClosing = this.closing.signal.aborted;
      if (this.pending.length === 0 || !this.isOwned) {
        if (isClosing) return;
        await this.changed.next();
        continue;
      }
      this.enough = new AbortController();
      if (!isClosing && this.pending.length < bounds.settleAtRecords) await clock.sleep(bounds.settleWaitMs, this.enough.signal);
      await this.inTurn(() => this.flush());
    }
  }

  /** Nothing waits to be settled, so no room comes by itself. */
  isIdle(): boolean {
    return this.pending.length === 0 && !this.isSettling;
  }

  close(): void {
    this.closing.abort();
    this.enough.abort();
    this.changed.fire();
  }

  acquire(): Promise<Ownership> {
    return this.inTurn(async () => {
      const ownership = await this.parts.owner.acquire();
      this.isOwned = true;
      return ownership;
    });
  }

  /**
   * After a failed settlement. Keeps what is pending only when nobody owned the partition in between (rule 10): then what a
   * settlement of unknown end did write is settled, and the rest is settled again.
   */
  acquireAgain(): Promise<void> {
    return this.inTurn(async () => {
      this.isOwned = false;
      const expected = this.current().number + 1;
      const { number, offset, settled, beside } = await this.parts.owner.acquire();
      if (number !== expected)
        throw new LogError('fenced', `another owner had the partition: number ${expected} was expected, ${number} found`);
      const stands = new Set([...settled, ...(beside?.settled ?? []).map(besideKey)]);
      const isBefore = (key: number): boolean => (isBeside(key) ? offsetOf(key) < (beside?.offset ?? 0) : key < offset);
      const isThere = (one: Settled): boolean => isBefore(one.offset) || stands.has(one.offset);
      const written = this.pending.filter(isThere);
      this.pending = this.pending.filter((one) => !isThere(one));
      if (written.length > 0) this.stand(written);
      this.isOwned = true;
      this.changed.fire();
    });
  }

  prove(): Promise<void> {
    return this.inTurn(() => this.parts.owner.prove());
  }

  announce(redisIdentity: string): Promise<void> {
    return this.inTurn(async () => {
      const { offset, settled } = this.parts.owner.current();
      await this.parts.owner.settle({ records: [], offset, settled, redisIdentity });
    });
  }

  current(): Ownership {
    return this.parts.owner.current();
  }

  async endOffset(): Promise<number> {
    return (await this.parts.log.bounds()).endOffset;
  }

  unsettled(behind: number): readonly OffsetRange[] {
    const { offset, settled } = this.current();
    const end = Math.min(behind, offset + this.parts.bounds.windowMaxOffsets);
    const ranges: OffsetRange[] = [];
    let from = offset;
    for (const one of settled) {
      if (one > from && from < end) ranges.push({ from, to: Math.min(one, end) });
      from = one + 1;
    }
    if (from < end) ranges.push({ from, to: end });
    for (const one of this.parts.beside()?.unsettledNow() ?? []) ranges.push({ from: besideKey(one), to: besideKey(one) + 1 });
    return ranges;
  }

  private async flush(): Promise<void> {
    if (!this.isOwned) return;
    const batch = this.take();
    this.isSettling = true;
    try {
      await this.settle(batch);
    } catch (error) {
      this.isOwned = false;
      this.parts.failed(error);
    }
    this.isSettling = false;
  }

  private take(): Settled[] {
    const { settleMaxRecords, settleMaxBytes } = this.parts.bounds;
    let bytes = 0;
    let count = 0;
    while (count < this.pending.length && count < settleMaxRecords) {
      bytes += this.pending[count]!.bytes;
      if (count > 0 && bytes > settleMaxBytes) break;
      count++;
    }
    return this.pending.splice(0, count);
  }

  /** Halves what is too large until one record stands alone, which is settled by its digest. */
  private async settle(batch: readonly Settled[]): Promise<void> {
    const offsets = batch.map(({ offset }) => offset);
    try {
      await this.parts.owner.settle({ records: batch.flatMap(({ records }) => records), ...this.progress(offsets) });
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'too-large')) {
        this.pending = [...batch, ...this.pending];
        throw error;
      }
      const [first] = batch;
      if (batch.length === 1 && first?.digest) return this.settle([{ ...first, records: first.digest(), digest: null }]);
      if (batch.length === 1) throw new RangeError(`the digest of offset ${first?.offset} is too large to settle`, { cause: error });
      const half = Math.ceil(batch.length / 2);
      const waiting = this.pending.length;
      try {
        await this.settle(batch.slice(0, half));
      } catch (failure) {
        // Behind what of the first half was put back, before what came later: a parked head is written before its followers.
        this.pending.splice(this.pending.length - waiting, 0, ...batch.slice(half));
        throw failure;
      }
      return this.settle(batch.slice(half));
    }
    this.stand(batch);
  }

  private progress(keys: readonly number[]): Omit<Settlement, 'records'> {
    const beside = this.parts.beside();
    if (!beside) return this.parts.window().with(new Set(keys));
    const mine = new Set(keys.filter((key) => !isBeside(key)));
    return { ...this.parts.window().with(mine), beside: beside.with(new Set(keys.filter(isBeside).map(offsetOf))) };
  }

  private stand(batch: readonly Settled[]): void {
    const offsets = batch.map(({ offset }) => offset);
    const beside = this.parts.beside();
    if (!beside) this.parts.window().settle(offsets);
    else {
      this.parts.window().settle(offsets.filter((key) => !isBeside(key)));
      beside.settle(offsets.filter(isBeside).map(offsetOf));
    }
    this.parts.settled(offsets);
    for (const one of batch) one.told();
  }

  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.tail.then(step, step);
    this.tail = turn.catch(() => {}); // The caller hears of it.
    return turn;
  }
}
