import type pg from 'pg';
import { plainName } from '#libs/postgres/src/index.js';
import { openPool, storable, storeError, type PoolChoices } from '#libs/postgres/src/postgres.module.js';
import { eventsMax, type EventItem, type EventQuery, type FoundRows, type LedgerReader } from './ledger-reader.port.js';
import type { EventRow, FactRow } from './ledger-store.port.js';

export type LedgerReaderChoices = Readonly<{ url: string; schema: string; onIdleError?: PoolChoices['onIdleError'] }>;

const CONNECTIONS_MAX = 8;
const STATEMENT_MAX_MS = 5_000;

type EventDbRow = Omit<EventRow, 'appendedat'> & { appendedat: Date };
type FactDbRow = Omit<FactRow, 'appendedat'> & { appendedat: Date };

/** LedgerReader on Postgres: reads only, and makes no tables; until the projector has made them, every question is an error that passes. */
export class PostgresLedgerReader implements LedgerReader {
  private readonly pool: pg.Pool;
  private readonly schema: string;

  constructor(choices: LedgerReaderChoices) {
    this.schema = plainName(choices.schema);
    this.pool = openPool({ ...choices, name: 'holdfast console', connectionsMax: CONNECTIONS_MAX, statementMaxMs: STATEMENT_MAX_MS });
  }

  async find(id: string): Promise<FoundRows> {
    return this.asked(async () => {
      const events = await this.eventsBy('id', id);
      const found = events.length > 0 ? events : await this.eventsBy('correlationid', id);
      const positions = found.map(({ position }) => position);
      const { rows } = await this.pool.query<FactDbRow>(
        `SELECT appendedat, position, id, eventposition, record FROM ${this.schema}.ledger_facts WHERE ${
          positions.length > 0 ? 'eventposition = ANY($1)' : 'id = ANY($1)'
        } ORDER BY appendedat, position`,
        [positions.length > 0 ? positions : [storable(id)]],
      );
      return { events: found, facts: rows.map((row) => ({ ...row, appendedat: row.appendedat.getTime() })) };
    });
  }

  async eventAt(position: string): Promise<EventRow | null> {
    return this.asked(async () => (await this.eventsBy('position', position))[0] ?? null);
  }

  async search(query: EventQuery): Promise<readonly EventItem[]> {
    return this.asked(async () => {
      const { text, values } = searchSql(this.schema, query);
      const { rows } = await this.pool.query<Omit<EventItem, 'appendedat'> & { appendedat: Date }>(text, values);
      return rows.map((row) => ({
        ...row,
        appendedat: row.appendedat.getTime(),
        verdict: row.verdict ?? 'pending',
        verdicts: row.verdicts ?? {},
      }));
    });
  }

  /** For readiness: one cheap question. */
  async ping(): Promise<void> {
    await this.asked(() => this.pool.query('SELECT 1'));
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async eventsBy(column: 'id' | 'correlationid' | 'position', value: string): Promise<EventRow[]> {
    const { rows } = await this.pool.query<EventDbRow>(
      `SELECT appendedat, position, id, correlationid, source, type, entity, revision, record
       FROM ${this.schema}.ledger_events WHERE ${column} = $1 ORDER BY appendedat DESC, position DESC LIMIT ${eventsMax}`,
      [storable(value)],
    );
    return rows.map((row) => ({ ...row, appendedat: row.appendedat.getTime() }));
  }

  private async asked<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw storeError('answer from the ledger', error);
    }
  }
}

/**
 * Newest first. A search by state or destination begins at the standings, which have an index for it; any other at the events.
 * → id, correlationid, source, type, entity, revision, position, appendedat, verdict, verdicts {destination: verdict}
 */
export function searchSql(schema: string, query: EventQuery): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const where: string[] = [];
  if (query.id !== undefined) {
    const id = bind(storable(query.id));
    where.push(`(e.id = ${id} OR e.correlationid = ${id})`);
  }
  for (const name of ['type', 'source', 'entity'] as const) {
    const value = query[name];
    if (value !== undefined) where.push(`e.${name} = ${bind(storable(value))}`);
  }
  if (query.fromMs !== undefined) where.push(`e.appendedat >= ${bind(new Date(query.fromMs).toISOString())}`);
  if (query.toMs !== undefined) where.push(`e.appendedat < ${bind(new Date(query.toMs).toISOString())}`);
  if (query.after) {
    where.push(
      `(e.appendedat, e.position) < (${bind(new Date(query.after.appendedat).toISOString())}::timestamptz, ${bind(query.after.position)})`,
    );
  }
  const stands: string[] = [];
  if (query.destination !== undefined) stands.push(`s.destination = ${bind(query.destination)}`);
  if (query.state !== undefined) stands.push(`s.verdict = ${bind(query.state)}`);
  if (stands.length > 0)
    where.push(`EXISTS (SELECT FROM ${schema}.ledger_standings s WHERE s.eventposition = e.position AND ${stands.join(' AND ')})`);
  const text = `
    SELECT p.*,
      (SELECT s.verdict FROM ${schema}.ledger_standings s WHERE s.eventposition = p.position AND s.destination = '') AS verdict,
      (SELECT jsonb_object_agg(s.destination, s.verdict) FROM ${schema}.ledger_standings s WHERE s.eventposition = p.position AND s.destination <> '') AS verdicts
    FROM (
      SELECT e.id, e.correlationid, e.source, e.type, e.entity, e.revision, e.position, e.appendedat
      FROM ${schema}.ledger_events e ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
      ORDER BY e.appendedat DESC, e.position DESC LIMIT ${bind(query.max)}
    ) p ORDER BY p.appendedat DESC, p.position DESC`;
  return { text, values };
}
