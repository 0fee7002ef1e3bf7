import { Client, type Dispatcher } from 'undici';

/** A request's handler, and the connection that it has borrowed. */
export type Borrower = Dispatcher.DispatchHandler & { connection: Client | null };

/**
 * One destination's connections, one request on each. undici's `Pool` looks through all of them twice for every request, and hears of
 * each that becomes free; a stack of those that are free needs neither. The last used is used first, so that under little load the
 * others may close.
 *
 * A connection is given back when undici has ended its request, not when the outcome is told: one that hangs is not handed out
 * again. With all of them out, requests wait their turn, until their own deadlines end them.
 */
export class Connections {
  private readonly all: Client[] = [];
  private readonly free: Client[] = [];
  private closed: Error | null = null;
  private readonly waiting: (readonly [Dispatcher.DispatchOptions, Borrower])[] = [];

  constructor(
    private readonly origin: string,
    private readonly connectionsMax: number,
    private readonly options: Client.Options,
  ) {}

  dispatch(request: Dispatcher.DispatchOptions, borrower: Borrower): void {
    if (this.closed) return borrower.onResponseError?.(null as never, this.closed);
    const client = this.free.pop() ?? this.another();
    if (!client) return void this.waiting.push([request, borrower]);
    borrower.connection = client;
    client.dispatch(request, borrower);
  }

  giveBack(borrower: Borrower): void {
    const { connection } = borrower;
    if (!connection) return;
    borrower.connection = null;
    this.free.push(connection);
    const next = this.waiting.shift();
    if (next) this.dispatch(...next);
  }

  /** What is in flight, or waits, hears of it as an error. */
  async destroy(): Promise<void> {
    const closed = new Error('the connections were closed');
    this.closed = closed;
    for (const [, borrower] of this.waiting.splice(0)) borrower.onResponseError?.(null as never, closed);
    await Promise.all(this.all.map((client) => client.destroy(closed)));
  }

  private another(): Client | null {
    if (this.all.length >= this.connectionsMax) return null;
    const client = new Client(this.origin, this.options);
    this.all.push(client);
    return client;
  }
}
