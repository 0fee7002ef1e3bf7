import { FairQueue, type Share } from './fair-queue.js';
import type { Line } from './waiting-line.js';

type Waiter = { readonly group: object; readonly ticket: number; readonly admit: (isAdmitted: boolean) => void };

const ALONE: Share = { group: '', cost: 1 };

/** Those who wait at a gate, by turns of those they count towards. */
export class FairLine implements Line {
  private readonly queue: FairQueue<Waiter>;

  constructor(groupsMax: number) {
    this.queue = new FairQueue(groupsMax);
  }

  isEmpty(): boolean {
    return this.queue.size === 0;
  }

  firstTicket(): number {
    return this.queue.next()!.ticket;
  }

  join(group: object, ticket: number, share: Share = ALONE): Promise<boolean> {
    return new Promise((admit) => this.queue.push({ group, ticket, admit }, share));
  }

  admitFirst(): void {
    this.queue.take()!.admit(true);
  }

  dismiss(group: object): void {
    for (const waiter of this.queue.takeOut((one) => one.group === group)) waiter.admit(false);
  }
}
