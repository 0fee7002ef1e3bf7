/**
 * Which positions of a partition are settled, from the committed offset on. Pure bookkeeping: no clock, no I/O.
 *
 * A position is unsettled from when it is seen until its settlement stands in Kafka. Offsets without a data record (control
 * and aborted ones) are never seen, and so never stand in the way of the gapless run (rule 6).
 */
export class Window {
  /** In order of position, since they are seen in that order. */
  private readonly unsettled = new Map<number, number>();
  private readonly settled: Set<number>;
  private next: number;
  private bytes = 0;

  constructor(committed: Readonly<{ offset: number; settled: readonly number[] }>) {
    this.next = committed.offset;
    this.settled = new Set(committed.settled);
  }

  isSettled(offset: number): boolean {
    return this.settled.has(offset);
  }

  see(offset: number, bytes: number): void {
    this.unsettled.set(offset, bytes);
    this.bytes += bytes;
  }

  /** Everything before `nextOffset` has been seen. */
  passed(nextOffset: number): void {
    this.next = nextOffset;
  }

  /** Those that have been seen, in order. */
  unsettledNow(): IterableIterator<number> {
    return this.unsettled.keys();
  }

  /** Everything before has been seen. */
  seenUpTo(): number {
    return this.next;
  }

  size(): Readonly<{ records: number; bytes: number }> {
    return { records: this.unsettled.size, bytes: this.bytes };
  }

  /** The first offset that is not settled. */
  offset(): number {
    for (const offset of this.unsettled.keys()) return offset;
    return this.next;
  }

  /** What a commit that settles these would carry. Changes nothing. */
  with(offsets: ReadonlySet<number>): Readonly<{ offset: number; settled: number[] }> {
    let offset = this.next;
    for (const one of this.unsettled.keys()) {
      if (offsets.has(one)) continue;
      offset = one;
      break;
    }
    // What an owner before me settled right behind what was seen: the commit has no other way to say that it is settled.
    while (this.settled.has(offset)) offset++;
    const settled: number[] = [];
    for (const one of this.settled) if (one > offset) settled.push(one);
    for (const one of offsets) if (one > offset) settled.push(one);
    return { offset, settled: settled.sort((a, b) => a - b) };
  }

  /** Their settlement stands in Kafka. */
  settle(offsets: Iterable<number>): void {
    for (const offset of offsets) {
      this.bytes -= this.unsettled.get(offset) ?? 0;
      this.unsettled.delete(offset);
      this.settled.add(offset);
    }
    const low = this.offset();
    for (const one of this.settled) if (one < low) this.settled.delete(one);
  }
}
