/** What stands one behind the other in a log, ready to be recorded together. `next` is the offset behind it. */
export type Prepared<T> = Readonly<{ items: readonly T[]; bytes: number; next: number }>;

export type AheadParts<T> = Readonly<{
  /** Empty only when the signal was aborted. */
  prepare: (from: number) => Promise<Prepared<T>>;
  itemsMax: number;
  bytesMax: number;
  signal: AbortSignal;
}>;

/**
 * Prepares what comes next while something else is recorded, one portion after the other, and hands over all there is at once: what
 * arrives during a transaction is in the next one, not in the one behind that. Nobody waits for more than the first portion.
 *
 * Bound: nothing more is prepared while as much waits as one taking may have.
 */
export class Ahead<T> {
  private readonly portions: Prepared<T>[] = [];
  private items = 0;
  private bytes = 0;
  private isOver = false;
  private failure: { error: unknown } | null = null;
  private wake: (() => void) | null = null;
  private makeRoom: (() => void) | null = null;
  private readonly running: Promise<void>;

  constructor(
    private from: number,
    private readonly parts: AheadParts<T>,
  ) {
    parts.signal.addEventListener('abort', () => this.makeRoom?.(), { once: true });
    this.running = this.run();
  }

  /** Whatever is ready, within the bounds; waits for the first. Empty when the signal was aborted. Errors: those of `prepare`. */
  async take(): Promise<Prepared<T>> {
    while (this.portions.length === 0 && !this.isOver) await new Promise<void>((resolve) => (this.wake = resolve));
    const [first] = this.portions;
    if (!first) {
      if (this.failure) throw this.failure.error;
      return { items: [], bytes: 0, next: this.from };
    }
    const { itemsMax, bytesMax } = this.parts;
    let [items, bytes, count] = [first.items.length, first.bytes, 1];
    for (const portion of this.portions.slice(1)) {
      if (items + portion.items.length > itemsMax || bytes + portion.bytes > bytesMax) break;
      items += portion.items.length;
      bytes += portion.bytes;
      count += 1;
    }
    const taken = this.portions.splice(0, count);
    this.items -= items;
    this.bytes -= bytes;
    this.makeRoom?.();
    return count === 1 ? first : { items: taken.flatMap((portion) => portion.items), bytes, next: taken[count - 1]!.next };
  }

  /** Never fails. Resolves when nothing is being prepared any more, which the signal brings about. */
  ended(): Promise<void> {
    return this.running;
  }

  private async run(): Promise<void> {
    const { prepare, signal } = this.parts;
    try {
      while (!signal.aborted) {
        const portion = await prepare(this.from);
        if (portion.items.length === 0) continue;
        this.from = portion.next;
        this.portions.push(portion);
        this.items += portion.items.length;
        this.bytes += portion.bytes;
        this.wake?.();
        while (this.isFull() && !signal.aborted) await new Promise<void>((resolve) => (this.makeRoom = resolve));
      }
    } catch (error) {
      this.failure = { error };
    }
    this.isOver = true;
    this.wake?.();
  }

  private isFull(): boolean {
    return this.items >= this.parts.itemsMax || this.bytes >= this.parts.bytesMax;
  }
}
