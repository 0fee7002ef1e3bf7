import type { Share } from './fair-queue.js';

/** Those who wait at a gate, in the order in which they go in. */
export interface Line {
  isEmpty(): boolean;
  /** Of the next one; tickets order those of several lines. */
  firstTicket(): number;
  /** False: sent away. */
  join(group: object, ticket: number, share?: Share): Promise<boolean>;
  admitFirst(): void;
  dismiss(group: object): void;
}

type Waiter = { readonly group: object; readonly ticket: number; readonly admit: (isAdmitted: boolean) => void };

/** First come, first served. */
export class WaitingLine implements Line {
  /** Those before `first` have gone in. */
  private waiters: (Waiter | undefined)[] = [];
  private first = 0;

  isEmpty(): boolean {
    return this.first === this.waiters.length;
  }

  /** Of the first who waits; tickets order those of several lines. */
  firstTicket(): number {
    return this.waiters[this.first]!.ticket;
  }

  /** False: sent away. */
  join(group: object, ticket: number): Promise<boolean> {
    return new Promise((admit) => this.waiters.push({ group, ticket, admit }));
  }

  /** The first one goes in. */
  admitFirst(): void {
    const { admit } = this.waiters[this.first]!;
    this.waiters[this.first++] = undefined;
    // Cut off when half of it is gone, so that thousands who wait are not moved up with every one who enters.
    if (this.first * 2 > this.waiters.length) {
      this.waiters.splice(0, this.first);
      this.first = 0;
    }
    admit(true);
  }

  /** Sends a group's waiters away; the others keep their order. */
  dismiss(group: object): void {
    const gone = this.waiters.filter((waiter) => waiter?.group === group);
    this.waiters = this.waiters.filter((waiter) => waiter && waiter.group !== group);
    this.first = 0;
    for (const waiter of gone) waiter?.admit(false);
  }
}
