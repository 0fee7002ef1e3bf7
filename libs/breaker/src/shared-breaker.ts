import { closedBreaker, foldBreaker, type BreakerEvent, type BreakerPolicy, type BreakerState } from './breaker.fold.js';
import type { BreakerStore, Standing } from './breaker-store.port.js';
import { joined } from './outcomes.fold.js';

export type SharedBreakerParts = Readonly<{
  destination: string;
  policy: BreakerPolicy;
  store: Pick<BreakerStore, 'read' | 'swap'>;
  clock: Readonly<{ nowMs(): number }>;
  /** Names this process among the replicas, and a later start of it apart from an earlier one. */
  me: string;
  changed(before: BreakerState, after: BreakerState): void;
}>;

type Write = Readonly<{ next: string; state: BreakerState; events: readonly BreakerEvent[]; lease: number | null }>;

/** A store that changes faster than we follow is left alone until the next round. */
const conflictsMax = 8;

/**
 * One destination's state as this replica sees it: what stands in the store, and what happened here since. Events are folded at
 * once and reported later in one write, which compares the version: after somebody else's write they are folded again over theirs.
 *
 * Store away: what is known stands, and what happens here is kept, joined so that it stays small. Store wiped: it begins closed.
 */
export class SharedBreaker {
  private base: Readonly<{ version: string; state: BreakerState }>;
  private here: BreakerState;
  /** Of here: those in the write under way, and those since. */
  private write: Write | null = null;
  private events: BreakerEvent[] = [];
  private syncing: Promise<void> | null = null;
  private written = 0;
  private lease: number | null = null;

  constructor(private readonly parts: SharedBreakerParts) {
    this.here = closedBreaker(parts.clock.nowMs());
    this.base = { version: '', state: this.here };
  }

  get state(): BreakerState {
    return this.here;
  }

  /** Whose lease the store last told of; null: nobody's. */
  get leased(): number | null {
    return this.lease;
  }

  get isReported(): boolean {
    return this.write === null && this.events.length === 0;
  }

  apply(event: BreakerEvent): void {
    const after = foldBreaker(this.here, event, this.parts.policy);
    if (after === this.here) return;
    this.events = withEvent(this.events, event);
    this.become(after);
  }

  /** Writes what happened here. Away: it is kept for the next time. */
  report(): Promise<void> {
    this.syncing ??= this.sync().finally(() => (this.syncing = null));
    return this.syncing;
  }

  /** All that happened here until now stands in the store, or the store is away. */
  async reported(): Promise<void> {
    await this.report();
    // What happened at the end of a report under way is not in it.
    if (!this.isReported) await this.report();
  }

  /** The store says that it stands as `version` now. Rejects when the store is away. */
  async follow(version: string): Promise<void> {
    const isWatched = this.here.phase.kind === 'half-open';
    if (this.syncing || (version === this.base.version && !isWatched)) return;
    const standing = version === '' ? NOTHING : await this.parts.store.read(this.parts.destination);
    if (this.syncing) return;
    this.lease = standing.lease;
    if (standing.version !== this.base.version) this.adopt(standing);
  }

  private async sync(): Promise<void> {
    for (let conflicts = 0; conflicts < conflictsMax && (this.write !== null || this.events.length > 0); conflicts++) {
      this.write ??= this.nextWrite();
      const { next, state, lease } = this.write;
      const change = { version: this.base.version, next, state, lease };
      const answer = await this.parts.store.swap(this.parts.destination, change).catch(() => null);
      if (answer === null) return; // It may have happened all the same: it is asked again as it was, so that it counts once.
      if (answer.kind === 'refused') {
        this.adopt(answer.standing, answer.why === 'lease' ? lease : null);
        continue;
      }
      this.base = { version: next, state };
      this.write = null;
      conflicts = 0;
    }
  }

  private nextWrite(): Write {
    const { events } = this;
    this.events = [];
    return { next: `${this.parts.me}.${++this.written}`, state: this.here, events, lease: leaseOf(events) };
  }

  /** What was reported under a lost lease counts no more; what the standing holds already is not counted again. */
  private adopt(standing: Standing, lostLease: number | null = null): void {
    const state = standing.state ?? closedBreaker(this.parts.clock.nowMs());
    if (this.write && this.write.next !== standing.version) this.events = this.events.reduce(withEvent, [...this.write.events]);
    this.write = null;
    if (lostLease !== null) this.events = this.events.filter((event) => !('token' in event) || event.token !== lostLease);
    this.base = { version: standing.version, state };
    this.lease = standing.lease;
    const after = this.events.reduce((folded, event) => foldBreaker(folded, event, this.parts.policy), state);
    if (after === state) this.events = [];
    this.become(after);
  }

  private become(after: BreakerState): void {
    const before = this.here;
    this.here = after;
    if (before !== after) this.parts.changed(before, after);
  }
}

const NOTHING: Standing = { version: '', state: null, lease: null };

/** Outcomes that follow each other become one event. */
function withEvent(events: readonly BreakerEvent[], event: BreakerEvent): BreakerEvent[] {
  const last = events.at(-1);
  if (event.kind !== 'told' || last?.kind !== 'told') return [...events, event];
  return [...events.slice(0, -1), { ...event, outcomes: joined(last.outcomes, event.outcomes) }];
}

function leaseOf(events: readonly BreakerEvent[]): number | null {
  return events.reduce<number | null>((token, event) => ('token' in event ? event.token : token), null);
}
