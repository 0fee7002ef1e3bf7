import type { Clock } from '#libs/kafka/src/index.js';
import { Signal } from './signal.js';

export type LookAheadParts = Readonly<{
  clock: Clock;
  stop: AbortSignal;
  /** Where the partition ends now. */
  endOffset(): Promise<number>;
  waitMaxMs: number;
}>;

/**
 * Lets a latest-wins delivery wait until what stood behind it has been read, so that a backlog collapses before its first request
 * and not beside it. Where the reader is at the end, that costs one question for a chunk; without such deliveries nothing.
 */
export class LookAhead {
  private next = 0;
  private end = 0;
  private releases = 0;
  private asking: Promise<void> | null = null;
  private readonly moved = new Signal();

  constructor(private readonly parts: LookAheadParts) {}

  /** Everything before `next` has been read. */
  passed(next: number): void {
    this.next = next;
    if (next >= this.end) this.moved.fire();
  }

  /** Reading cannot go on before something is delivered. */
  release(): void {
    this.releases++;
    this.moved.fire();
  }

  async caughtUp(): Promise<void> {
    const { releases } = this;
    if (this.end <= this.next) await (this.asking ??= this.ask());
    const { end } = this;
    if (this.next >= end) return;
    const enough = new AbortController();
    const late = this.parts.clock.sleep(this.parts.waitMaxMs, enough.signal).then(() => enough.abort());
    while (this.next < end && this.releases === releases && !enough.signal.aborted && !this.parts.stop.aborted)
      await Promise.race([this.moved.next(), late]);
    enough.abort();
  }

  private async ask(): Promise<void> {
    // A log that does not answer keeps nothing back.
    this.end = Math.max(this.end, await this.parts.endOffset().catch(() => 0));
    this.asking = null;
  }
}
