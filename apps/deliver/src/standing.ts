import { MarksUnavailableError, type AttemptMarks, type OffsetRange, type Standing } from '#libs/delivery/src/index.js';
import { LogError, type Clock, type Lease, type Ownership } from '#libs/kafka/src/index.js';
import type { DeliverBounds } from './deliver.config.js';
import { Signal } from './signal.js';

/** What the keeper asks of Kafka, in the settler's turn. Errors as `Owner`'s. */
export interface Books {
  /** Errors as `acquire`, and `fenced` when somebody else owned the partition in between. */
  acquireAgain(): Promise<void>;
  prove(): Promise<void>;
  announce(identity: string): Promise<void>;
  current(): Ownership;
  /** Behind the last record there is. */
  endOffset(): Promise<number>;
  /** Every position before `end` that Kafka does not know as settled. */
  unsettled(end: number): readonly OffsetRange[];
}

export type StandingParts = Readonly<{
  books: Books;
  marks: AttemptMarks;
  clock: Clock;
  lease: Lease;
  stop: AbortSignal;
  bounds: DeliverBounds;
  /** The longest a claim's request may still take effect: deadline + `unknown.settle`. */
  quietMs: number;
  redisForgot(): void;
  /** Positions that I have claimed and not settled. */
  claimed(): Iterable<number>;
  /** What it waits for; null: it stands. */
  waits(why: string | null): void;
  /** The partition is not mine any more, or something is wrong that waiting does not mend. */
  out(error: unknown): void;
}>;

/**
 * Keeps Kafka's and Redis's word that the partition is mine in step (rules 12 and 13; model/deliver.py has these steps).
 *
 * | state     | entered by                                | left by                                               |
 * | --------- | ----------------------------------------- | ----------------------------------------------------- |
 * | read      | taking the partition; a failed settlement | acquired: number + 1 stands in Kafka → register       |
 * | lost      | a claim refused: another Redis, no owner  | a fenced request proves it is still mine → register   |
 * | register  | the above; an unreachable Redis           | registered → announce, or run; a later owner → out    |
 * | announce  | another Redis than the metadata names     | its identity committed → run                          |
 * | run       | announced                                 | a refusal, no answer, a failed settlement             |
 * | out       | fenced, or a later owner in Redis         | –                                                     |
 */
export class StandingKeeper {
  private standing: Standing | null = null;
  private isEstablishing = false;
  private isOut = false;
  private mustAcquire = false;
  private mustProve = false;
  private quietAt: number | null = null;
  /** Where the log ended when Redis had heard of me: what came later, only I can have started. */
  private frontier: number | null = null;
  private readonly changed = new Signal();

  constructor(private readonly parts: StandingParts) {
    parts.stop.addEventListener('abort', () => this.changed.fire(), { once: true });
  }

  /** The partition was just acquired. */
  begin(): void {
    void this.establish();
  }

  current(): Standing | null {
    return this.standing;
  }

  number(): number {
    return this.parts.books.current().number;
  }

  /** Nothing of an earlier owner can land after this (ms since the epoch). */
  quietAtMs(): number {
    return this.quietAt ?? this.parts.clock.nowMs() + this.parts.quietMs;
  }

  /** False: this record came when I was the owner already. */
  mayBeStarted(offset: number): boolean {
    return this.frontier === null || offset < this.frontier;
  }

  /** False: out, or the partition goes away. */
  async ready(): Promise<boolean> {
    while (!this.standing && !this.isOut && !this.parts.stop.aborted) await this.changed.next();
    return !this.isOut && !this.parts.stop.aborted;
  }

  refused(mine: Standing, why: 'other-identity' | 'owner-missing' | 'later-owner'): void {
    if (this.standing !== mine) return;
    if (why === 'later-owner') return this.goOut(new LogError('fenced', 'Redis knows a later owner of the partition'));
    this.mustProve = true;
    void this.establish();
  }

  unreachable(mine: Standing): void {
    if (this.standing === mine) void this.establish();
  }

  /** A settlement failed: nothing may be settled before the partition was acquired again (rule 3). */
  unsettled(error: unknown): void {
    if (isOver(error)) return this.goOut(error);
    this.mustAcquire = true;
    void this.establish();
  }

  private goOut(error: unknown): void {
    this.isOut = true;
    this.standing = null;
    this.changed.fire();
    this.parts.out(error);
  }

  private async establish(): Promise<void> {
    this.standing = null;
    if (this.isEstablishing) return;
    this.isEstablishing = true;
    const { clock, stop, bounds } = this.parts;
    let backoffMs = bounds.backoffFirstMs;
    while (!stop.aborted && !this.isOut) {
      try {
        // Compared as well: whatever takes the standing away before this line runs finds that somebody is establishing it.
        if ((await this.once()) && this.standing) break;
      } catch (error) {
        this.parts.waits(error instanceof Error ? error.message : String(error));
        if (isOver(error)) this.goOut(error);
        else if (!(error instanceof MarksUnavailableError)) this.mustAcquire = true;
      }
      await clock.sleep(backoffMs, stop);
      backoffMs = Math.min(backoffMs * 2, bounds.backoffMaxMs);
    }
    this.isEstablishing = false;
    this.changed.fire();
  }

  /** True: I stand. False: the world changed meanwhile, from the beginning. */
  private async once(): Promise<boolean> {
    const { books, marks, clock, quietMs } = this.parts;
    if (this.mustAcquire) await this.acquireAgain();
    const identity = await marks.identity();
    if (this.mustProve) await books.prove();
    const { number, offset, settled, redisIdentity } = books.current();
    const hasForgotten = this.mustProve || (redisIdentity !== null && redisIdentity !== identity);
    const doubts = hasForgotten ? await this.doubts() : [];
    const answer = await marks.register({ number, identity, offset, settled, doubts });
    if (answer === 'later-owner') throw new LogError('fenced', 'Redis knows a later owner of the partition');
    if (answer === 'other-identity') return false;
    if (redisIdentity !== identity) await books.announce(identity);
    if (hasForgotten) this.parts.redisForgot();
    this.mustProve = false;
    // Claims of earlier owners are refused from the registration on; what they had started may take this long to end.
    this.quietAt ??= clock.nowMs() + quietMs;
    this.frontier ??= await books.endOffset();
    if (this.mustAcquire) return false;
    this.standing = { number, identity };
    this.parts.waits(null);
    return true;
  }

  /** All that an owner before me may have started, and all that I have; never what nobody can have touched. */
  private async doubts(): Promise<readonly OffsetRange[]> {
    const { books, claimed } = this.parts;
    const { frontier } = this;
    if (frontier === null) return books.unsettled(await books.endOffset());
    const mine = [...claimed()].filter((offset) => offset >= frontier);
    return [...books.unsettled(frontier), ...mine.map((offset) => ({ from: offset, to: offset + 1 }))];
  }

  private async acquireAgain(): Promise<void> {
    const { books, lease, clock, stop, bounds } = this.parts;
    while (!lease.mayStart() && !stop.aborted) await clock.sleep(bounds.standingPollMs, stop);
    if (stop.aborted) return;
    await books.acquireAgain();
    this.mustAcquire = false;
  }
}

const isOver = (error: unknown): boolean =>
  !(error instanceof MarksUnavailableError) && !(error instanceof LogError && error.code !== 'fenced');
