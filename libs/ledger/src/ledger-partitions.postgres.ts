import type pg from 'pg';
import type { Projection } from './ledger-store.port.js';

/** How long rows are kept, by their append time. */
export type LedgerRetention = Readonly<{ eventsMs: number; factsMs: number }>;

const DAY_MS = 86_400_000;
type Table = 'ledger_events' | 'ledger_facts';

const dayOf = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS;
const suffixOf = (dayMs: number): string => new Date(dayMs).toISOString().slice(0, 10).replaceAll('-', '');

/** The days of the two large tables: made with their first record, dropped whole when retention has passed them. */
export class LedgerPartitions {
  private readonly known = new Set<string>();

  constructor(
    private readonly pool: pg.Pool,
    private readonly schema: string,
  ) {}

  async ensure({ events, facts }: Pick<Projection, 'events' | 'facts'>): Promise<void> {
    for (const { appendedat } of events) await this.ensureDay('ledger_events', dayOf(appendedat));
    for (const { appendedat } of facts) await this.ensureDay('ledger_facts', dayOf(appendedat));
  }

  /** Answers the names of the partitions that were dropped. */
  async dropBefore(nowMs: number, { eventsMs, factsMs }: LedgerRetention): Promise<string[]> {
    const limits: readonly [Table, number][] = [
      ['ledger_events', dayOf(nowMs - eventsMs)],
      ['ledger_facts', dayOf(nowMs - factsMs)],
    ];
    const dropped: string[] = [];
    for (const [table, limitMs] of limits) {
      const { rows } = await this.pool.query<{ name: string }>(
        'SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass ORDER BY 1',
        [`${this.schema}.${table}`],
      );
      for (const { name } of rows.filter((row) => row.name < `${table}_${suffixOf(limitMs)}`)) {
        await this.pool.query(`DROP TABLE IF EXISTS ${this.schema}.${name}`);
        this.known.delete(name);
        dropped.push(name);
      }
    }
    return dropped;
  }

  private async ensureDay(table: Table, dayMs: number): Promise<void> {
    const name = `${table}_${suffixOf(dayMs)}`;
    if (this.known.has(name)) return;
    const [from, to] = [new Date(dayMs).toISOString(), new Date(dayMs + DAY_MS).toISOString()];
    // One maker at a time: two that make the same partition at once would fail one of them.
    await this.pool.query(`
      DO $$ BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('holdfast ledger ${this.schema}'));
        CREATE TABLE IF NOT EXISTS ${this.schema}.${name} PARTITION OF ${this.schema}.${table} FOR VALUES FROM ('${from}') TO ('${to}');
      END $$`);
    this.known.add(name);
  }
}
