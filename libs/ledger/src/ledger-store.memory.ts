import type { EventRow, FactRow, LedgerStore, Projection } from './ledger-store.port.js';
import { laterStanding, type Standing } from './standing.fold.js';

/** The store in memory, for tests: the same contract as Postgres. */
export class MemoryLedgerStore implements LedgerStore {
  readonly events = new Map<string, EventRow>();
  readonly facts = new Map<string, FactRow>();
  readonly standings = new Map<string, Standing>();
  private readonly places = new Map<string, number>();

  async progress(topic: string, partition: number): Promise<number | null> {
    return this.places.get(`${topic}/${partition}`) ?? null;
  }

  async project({ topic, partition, from, next, events, facts, standings }: Projection): Promise<'stored' | 'moved'> {
    const place = `${topic}/${partition}`;
    if ((this.places.get(place) ?? null) !== from) return 'moved';
    this.places.set(place, next);
    for (const row of events) this.events.set(row.position, row);
    for (const row of facts) this.facts.set(row.position, row);
    for (const standing of standings) {
      const key = `${standing.eventposition} ${standing.destination}`;
      const known = this.standings.get(key);
      this.standings.set(key, known === undefined ? standing : laterStanding(known, standing));
    }
    return 'stored';
  }

  async reset(): Promise<void> {
    for (const table of [this.events, this.facts, this.standings, this.places]) table.clear();
  }
}
