import type pg from 'pg';
import { plainName } from '#libs/postgres/src/index.js';
import { migrate, migrationsOf, openPool, storable as text, storeError, type PoolChoices } from '#libs/postgres/src/postgres.module.js';
import { LedgerPartitions, type LedgerRetention } from './ledger-partitions.postgres.js';
import type { EventRow, FactRow, LedgerStore, Projection } from './ledger-store.port.js';
import { DELIVERED_HOP, MAYBE_TWICE, type Standing } from './standing.fold.js';

export type PostgresLedgerChoices = Readonly<{ url: string; schema: string; onIdleError?: PoolChoices['onIdleError'] }>;

const CONNECTIONS_MAX = 8;

/** LedgerStore on Postgres. Tables are made before the first use, by whichever replica comes first. */
export class PostgresLedgerStore implements LedgerStore {
  private readonly pool: pg.Pool;
  private readonly sql: ReturnType<typeof statements>;
  private readonly partitions: LedgerPartitions;
  private migrated: Promise<void> | null = null;

  constructor(private readonly choices: PostgresLedgerChoices) {
    this.sql = statements(plainName(choices.schema));
    this.pool = openPool({ ...choices, name: 'holdfast ledger', connectionsMax: CONNECTIONS_MAX });
    this.partitions = new LedgerPartitions(this.pool, choices.schema);
  }

  async progress(topic: string, partition: number): Promise<number | null> {
    return this.asked('read the progress of the ledger', async () => {
      const { rows } = await this.pool.query<{ nextoffset: string }>(this.sql.progress, [topic, partition]);
      return rows[0] ? Number(rows[0].nextoffset) : null;
    });
  }

  async project(projection: Projection): Promise<'stored' | 'moved'> {
    return this.asked('keep the ledger', async () => {
      await this.partitions.ensure(projection);
      return this.inTransaction((client) => this.write(client, projection));
    });
  }

  /** Everything is forgotten; projectors that run notice it and begin anew. */
  async reset(): Promise<void> {
    await this.asked('empty the ledger', () => this.pool.query(this.sql.reset));
  }

  /** Drops the days that retention has passed, and standings that were not spoken of since. Answers the names of what was dropped. */
  async prune(nowMs: number, retention: LedgerRetention): Promise<string[]> {
    return this.asked('prune the ledger', async () => {
      const dropped = await this.partitions.dropBefore(nowMs, retention);
      await this.pool.query(this.sql.prune, [new Date(nowMs - retention.factsMs).toISOString()]);
      return dropped;
    });
  }

  /** For readiness: one cheap question. */
  async ping(): Promise<void> {
    await this.asked('answer', () => this.pool.query('SELECT 1'));
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async write(client: pg.PoolClient, projection: Projection): Promise<'stored' | 'moved'> {
    const { topic, partition, from, next, events, facts, standings } = projection;
    // First, because it locks the partition's row: two projectors of one partition follow each other.
    const moved =
      from === null
        ? await client.query(this.sql.begin, [topic, partition, next])
        : await client.query(this.sql.advance, [topic, partition, next, from]);
    if (moved.rowCount === 0) return 'moved';
    if (events.length > 0) await client.query({ name: 'ledger events', text: this.sql.events, values: arrays(eventColumns, events) });
    if (facts.length > 0) await client.query({ name: 'ledger facts', text: this.sql.facts, values: arrays(factColumns, facts) });
    if (standings.length > 0)
      await client.query({ name: 'ledger standings', text: this.sql.standings, values: arrays(standingColumns, inOrder(standings)) });
    return 'stored';
  }

  private async inTransaction<T>(act: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('BEGIN');
      const result = await act(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      failure = error as Error;
      await client.query('ROLLBACK').catch(() => {}); // The connection is gone, and the transaction with it.
      throw error;
    } finally {
      client.release(failure);
    }
  }

  private async asked<T>(doing: string, act: () => Promise<T>): Promise<T> {
    try {
      await this.ready();
      return await act();
    } catch (error) {
      throw storeError(doing, error);
    }
  }

  private ready(): Promise<void> {
    this.migrated ??= migrate(this.pool, {
      schema: this.choices.schema,
      folder: migrationsOf('ledger'),
      table: 'ledger_migrations',
    }).catch((error: unknown) => {
      this.migrated = null;
      throw error;
    });
    return this.migrated;
  }
}

/** Two partitions may speak of one event: rows locked in one order never wait for each other in a ring. */
const inOrder = (standings: readonly Standing[]): Standing[] =>
  [...standings].sort((a, b) =>
    a.eventposition === b.eventposition ? (a.destination < b.destination ? -1 : 1) : a.eventposition < b.eventposition ? -1 : 1,
  );

type Column<R> = Readonly<{ name: string; type: string; value(row: R): unknown }>;
const at = (ms: number): string => new Date(ms).toISOString();
const arrays = <R>(columns: readonly Column<R>[], rows: readonly R[]): unknown[][] =>
  columns.map((column) => rows.map((row) => column.value(row)));

const eventColumns: readonly Column<EventRow>[] = [
  { name: 'appendedat', type: 'timestamptz', value: (row) => at(row.appendedat) },
  { name: 'position', type: 'text', value: (row) => row.position },
  { name: 'id', type: 'text', value: (row) => text(row.id) },
  { name: 'correlationid', type: 'text', value: (row) => text(row.correlationid) },
  { name: 'source', type: 'text', value: (row) => text(row.source) },
  { name: 'type', type: 'text', value: (row) => text(row.type) },
  { name: 'entity', type: 'text', value: (row) => text(row.entity) },
  { name: 'revision', type: 'text', value: (row) => text(row.revision) },
  { name: 'record', type: 'bytea', value: (row) => row.record },
];

const factColumns: readonly Column<FactRow>[] = [
  { name: 'appendedat', type: 'timestamptz', value: (row) => at(row.appendedat) },
  { name: 'position', type: 'text', value: (row) => row.position },
  { name: 'id', type: 'text', value: (row) => text(row.id) },
  { name: 'eventposition', type: 'text', value: (row) => row.eventposition },
  { name: 'record', type: 'bytea', value: (row) => row.record },
];

const standingColumns: readonly Column<Standing>[] = [
  { name: 'eventposition', type: 'text', value: (row) => row.eventposition },
  { name: 'destination', type: 'text', value: (row) => row.destination },
  { name: 'id', type: 'text', value: (row) => text(row.id) },
  { name: 'type', type: 'text', value: (row) => text(row.type) },
  { name: 'source', type: 'text', value: (row) => text(row.source) },
  { name: 'verdict', type: 'text', value: (row) => row.verdict },
  { name: 'hop', type: 'integer', value: (row) => row.hop },
  { name: 'weight', type: 'integer', value: (row) => row.weight },
  { name: 'at', type: 'timestamptz', value: (row) => at(row.at) },
  { name: 'position', type: 'text', value: (row) => row.position },
  { name: 'duplicateof', type: 'text', value: (row) => row.duplicateof },
  { name: 'class', type: 'text', value: (row) => row.class },
  { name: 'reason', type: 'text', value: (row) => text(row.reason) },
];

const insertOf = <R>(table: string, columns: readonly Column<R>[]): string => `
  INSERT INTO ${table} (${columns.map(({ name }) => name).join(', ')})
  SELECT * FROM unnest(${columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')})`;

/**
 * progress (topic, partition) → nextoffset · begin (topic, partition, next) and advance (…, from) → one row, or none: it moved ·
 * events, facts ($1…$n one array a column) → rows that stand already are left · standings: the later word stays, as `laterStanding`.
 */
function statements(schema: string) {
  const standing = standingColumns.filter(({ name }) => !['eventposition', 'destination', 'verdict', 'weight'].includes(name));
  return {
    progress: `SELECT nextoffset FROM ${schema}.ledger_progress WHERE topic = $1 AND partition = $2`,
    begin: `INSERT INTO ${schema}.ledger_progress (topic, partition, nextoffset) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
    advance: `UPDATE ${schema}.ledger_progress SET nextoffset = $3 WHERE topic = $1 AND partition = $2 AND nextoffset = $4`,
    events: `${insertOf(`${schema}.ledger_events`, eventColumns)} ON CONFLICT DO NOTHING`,
    facts: `${insertOf(`${schema}.ledger_facts`, factColumns)} ON CONFLICT DO NOTHING`,
    standings: `${insertOf(`${schema}.ledger_standings AS known`, standingColumns)}
  ON CONFLICT (eventposition, destination) DO UPDATE SET ${standing.map(({ name }) => `${name} = EXCLUDED.${name}`).join(', ')},
    verdict = CASE WHEN known.hop = ${DELIVERED_HOP} AND EXCLUDED.hop = ${DELIVERED_HOP} AND known.position <> EXCLUDED.position
      THEN '${MAYBE_TWICE}' ELSE EXCLUDED.verdict END,
    weight = CASE WHEN known.hop = ${DELIVERED_HOP} AND EXCLUDED.hop = ${DELIVERED_HOP} AND known.position <> EXCLUDED.position
      THEN 12 ELSE EXCLUDED.weight END
  WHERE (EXCLUDED.hop, EXCLUDED.weight, EXCLUDED.at, EXCLUDED.position COLLATE "C") > (known.hop, known.weight, known.at, known.position COLLATE "C")
    OR (known.hop = ${DELIVERED_HOP} AND EXCLUDED.hop = ${DELIVERED_HOP} AND known.position <> EXCLUDED.position AND known.weight < 12)`,
    reset: `TRUNCATE ${['progress', 'events', 'facts', 'standings'].map((name) => `${schema}.ledger_${name}`).join(', ')}`,
    prune: `DELETE FROM ${schema}.ledger_standings WHERE at < $1`,
  };
}
