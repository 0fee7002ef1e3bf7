import type { BreakerState } from './breaker.fold.js';
import type { BreakerStore, Change, Polled, Standing, Swapped } from './breaker-store.port.js';

type Cell = { version: string; state: string | null; token: number; lease: { token: number; holder: string; untilMs: number } | null };

/** In tests, and for whoever simulates several replicas: one server that all of them ask. */
export class MemoryBreakerStore implements BreakerStore {
  private readonly cells = new Map<string, Cell>();
  private readonly members = new Map<string, number>();
  /** As if it could not be reached. */
  isAway = false;

  constructor(private readonly clock: Readonly<{ nowMs(): number }>) {}

  async poll(destinations: readonly string[], member: string | null): Promise<Polled> {
    this.reach();
    const nowMs = this.clock.nowMs();
    if (member !== null) this.members.set(member, nowMs);
    for (const [name, seenMs] of this.members) if (seenMs <= nowMs - memberForMs) this.members.delete(name);
    return { versions: destinations.map((one) => this.cells.get(one)?.version ?? ''), members: [...this.members.keys()].sort() };
  }

  async read(destination: string): Promise<Standing> {
    this.reach();
    const cell = this.cells.get(destination);
    const lease = this.leaseOf(cell)?.token ?? null;
    return { version: cell?.version ?? '', state: cell?.state ? (JSON.parse(cell.state) as BreakerState) : null, lease };
  }

  async swap(destination: string, { version, next, state, lease }: Change): Promise<Swapped> {
    this.reach();
    const cell = this.cellOf(destination);
    if (cell.version !== version) return { kind: 'refused', why: 'version', standing: await this.read(destination) };
    if (lease !== null && this.leaseOf(cell)?.token !== lease)
      return { kind: 'refused', why: 'lease', standing: await this.read(destination) };
    cell.version = next;
    cell.state = JSON.stringify(state);
    return { kind: 'swapped' };
  }

  async lease(destination: string, holder: string, forMs: number): Promise<number | null> {
    this.reach();
    const cell = this.cellOf(destination);
    const held = this.leaseOf(cell);
    if (held && held.holder !== holder) return null;
    const token = held?.token ?? ++cell.token;
    cell.lease = { token, holder, untilMs: this.clock.nowMs() + forMs };
    return token;
  }

  async release(destination: string, token: number): Promise<void> {
    this.reach();
    const cell = this.cells.get(destination);
    if (cell?.lease?.token === token) cell.lease = null;
  }

  /** As FLUSHALL does. */
  forget(): void {
    this.cells.clear();
    this.members.clear();
  }

  private cellOf(destination: string): Cell {
    const cell = this.cells.get(destination) ?? { version: '', state: null, token: 0, lease: null };
    this.cells.set(destination, cell);
    return cell;
  }

  private leaseOf(cell: Cell | undefined): Cell['lease'] {
    return cell?.lease && cell.lease.untilMs > this.clock.nowMs() ? cell.lease : null;
  }

  private reach(): void {
    if (this.isAway) throw new Error('the store is away');
  }
}

/** A replica that has not polled for so long is not counted. */
export const memberForMs = 5_000;
