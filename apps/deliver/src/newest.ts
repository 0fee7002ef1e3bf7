import { isNewer, type Rank, type Rival } from '#libs/delivery/src/index.js';

/** `inbox`: it waits for its first attempt, since its route coalesces. */
type Away = Readonly<{ rank: Rank; inbox: boolean }>;
type Entry = {
  /** The newest that was, or perhaps was, delivered while others are away. */
  best: Rank | null;
  /** By delivery id. */
  readonly away: Map<string, Away>;
  /** The newest that was in the inbox when its oldest came out: the one delivery of this window. */
  due: Rank | null;
};

/**
 * What is known of latest-wins entities of one partition beyond their lanes: which deliveries are on their way through a delay line,
 * and the newest that was delivered meanwhile. Only what is away can come back late, so only those entities are kept. Pure
 * bookkeeping; everything in it stands in the log as well, and is read from there when it is not known (`newest-reader.ts`).
 */
export class Newest {
  private readonly entries = new Map<string, Entry>();

  /** With more entities away, the longest known is forgotten, and read from the log when it comes back. */
  constructor(private readonly entitiesMax: number) {}

  knows(entity: string, delivery: string): boolean {
    return this.entries.get(entity)?.away.has(delivery) ?? false;
  }

  /** A delivery leaves for a delay line; or came back, and this is what the log says of the others. */
  left(entity: string, delivery: string, away: Away, best: Rank | null = null): void {
    let entry = this.entries.get(entity);
    if (!entry) {
      for (const oldest of this.entries.keys()) {
        if (this.entries.size < this.entitiesMax) break;
        this.entries.delete(oldest);
      }
      this.entries.set(entity, (entry = { best: null, away: new Map(), due: null }));
    }
    entry.away.set(delivery, away);
    if (best) this.delivered(entity, best);
  }

  /** It came back and has ended. `rank`: the partner has it, or perhaps has it. */
  ended(entity: string, delivery: string, rank: Rank | null): void {
    const entry = this.entries.get(entity);
    if (!entry) return;
    const mine = entry.away.get(delivery)?.rank ?? rank;
    entry.away.delete(delivery);
    if (entry.away.size === 0) return void this.entries.delete(entity);
    if (entry.due && mine && !isNewer(entry.due, mine)) entry.due = null;
    if (rank) this.delivered(entity, rank);
  }

  private delivered(entity: string, rank: Rank): void {
    const entry = this.entries.get(entity);
    if (entry && (!entry.best || isNewer(rank, entry.best))) entry.best = rank;
  }

  /** The others that a delivery has to be compared with. `inbox`: mine comes out of it now, and those in it wait for a window of their own. */
  rivals(entity: string, delivery: string, inbox: Rank | null): Rival[] {
    const entry = this.entries.get(entity);
    if (!entry) return [];
    const rivals: Rival[] = entry.best ? [{ rank: entry.best, state: 'delivered' }] : [];
    for (const [id, away] of entry.away) if (id !== delivery && !(inbox && away.inbox)) rivals.push({ rank: away.rank, state: 'pending' });
    if (inbox) entry.due ??= newestOf([...entry.away.values()].filter((away) => away.inbox).map(({ rank }) => rank));
    if (inbox && entry.due) rivals.push({ rank: entry.due, state: 'pending' });
    return rivals;
  }
}

const newestOf = (ranks: readonly Rank[]): Rank | null =>
  ranks.reduce<Rank | null>((newest, rank) => (newest === null || isNewer(rank, newest) ? rank : newest), null);
