import type pg from 'pg';
import { plainName } from '#libs/postgres/src/index.js';
import {
  DATA_FAULT,
  migrate,
  migrationsOf,
  openPool,
  sqlStateOf,
  storable as text,
  storableJson as json,
  storeError,
} from '#libs/postgres/src/postgres.module.js';
import { entryOfUnreadable, type Entry } from './decide-entry.js';
import type { DeadLetterStore, Depth } from './dlq-handler.ports.js';

export type PostgresChoices = Readonly<{
  url: string;
  /** A plain word; the tables' own schema, made when it is not there. */
  schema: string;
  /** Told of connections that broke while nobody used them. */
  onIdleError?: (error: Error) => void;
}>;

const CONNECTIONS_MAX = 4;

/**
 * DeadLetterStore on Postgres. Tables are made before the first use, by whichever replica comes first.
 *
 * Errors   StoreError `unavailable` for everything but a fault of the data; with such a fault the batch is cut to single
 *          entries, and the one at fault is kept raw with what Postgres said.
 */
export class PostgresDeadLetterStore implements DeadLetterStore {
  private readonly pool: pg.Pool;
  private readonly sql: { insert: string; depths: string };
  private migrated: Promise<void> | null = null;

  constructor(private readonly choices: PostgresChoices) {
    plainName(choices.schema);
    this.pool = openPool({ ...choices, name: 'holdfast dlq-handler', connectionsMax: CONNECTIONS_MAX });
    this.sql = { insert: insertSql(choices.schema), depths: depthsSql(choices.schema) };
  }

  async insert(entries: readonly Entry[]): Promise<readonly Entry[]> {
    if (entries.length === 0) return [];
    try {
      return await this.insertBatch(entries);
    } catch (error) {
      if (!DATA_FAULT.test(sqlStateOf(error))) throw unavailable(error);
    }
    const fresh: Entry[] = [];
    for (const entry of entries) fresh.push(...(await this.insertOne(entry)));
    return fresh;
  }

  async depths(): Promise<readonly Depth[]> {
    try {
      await this.ready();
      const { rows } = await this.pool.query<{ kind: Entry['kind']; place: string; type: string; count: string }>(this.sql.depths);
      return rows.map((row) => ({ ...row, count: Number(row.count) }));
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** For readiness: one cheap question. */
  async ping(): Promise<void> {
    try {
      await this.pool.query('SELECT 1');
    } catch (error) {
      throw unavailable(error);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private ready(): Promise<void> {
    this.migrated ??= migrate(this.pool, {
      schema: this.choices.schema,
      folder: migrationsOf('dlq-handler'),
      table: 'dlq_handler_migrations',
    }).catch((error: unknown) => {
      this.migrated = null;
      throw error;
    });
    return this.migrated;
  }

  private async insertBatch(entries: readonly Entry[]): Promise<Entry[]> {
    await this.ready();
    const { rows } = await this.pool.query<{ topic: string; partition: number; offset: string }>({
      name: 'insert dead letters',
      text: this.sql.insert,
      values: columns.map((column) => entries.map((entry) => column.value(entry))),
    });
    const inserted = new Set(rows.map((row) => `${row.topic}/${row.partition}/${row.offset}`));
    return entries.filter((entry) => inserted.has(`${entry.topic}/${entry.partition}/${entry.offset}`));
  }

  private async insertOne(entry: Entry): Promise<Entry[]> {
    try {
      return await this.insertBatch([entry]);
    } catch (error) {
      if (!DATA_FAULT.test(sqlStateOf(error))) throw unavailable(error);
      const { topic, partition, offset, incarnation, deadletteredat: timestampMs, source, type, eventid, correlationid } = entry;
      const headers = { ce_source: source, ce_type: type, ce_id: eventid, 'correlation-id': correlationid };
      const fault = { code: 'refused-by-store', message: error instanceof Error ? error.message : String(error) };
      return this.insertBatch([entryOfUnreadable(fault, entry.data, { topic, partition, offset, incarnation, timestampMs, headers })]);
    }
  }
}

type Column = Readonly<{ name: string; type: string; value(entry: Entry): unknown }>;
const column = (name: keyof Entry, type: string, value: (entry: Entry) => unknown): Column => ({ name, type, value });
const columns: readonly Column[] = [
  column('kind', 'text', (entry) => entry.kind),
  column('topic', 'text', (entry) => entry.topic),
  column('partition', 'integer', (entry) => entry.partition),
  column('offset', 'bigint', (entry) => entry.offset),
  column('incarnation', 'text', (entry) => entry.incarnation),
  column('delivery', 'text', (entry) => text(entry.delivery)),
  column('hop', 'integer', (entry) => entry.hop),
  column('operation', 'text', (entry) => text(entry.operation)),
  column('destination', 'text', (entry) => text(entry.destination)),
  column('source', 'text', (entry) => text(entry.source)),
  column('type', 'text', (entry) => text(entry.type)),
  column('eventid', 'text', (entry) => text(entry.eventid)),
  column('correlationid', 'text', (entry) => text(entry.correlationid)),
  column('entity', 'text', (entry) => text(entry.entity)),
  column('eventposition', 'text', (entry) => entry.eventposition),
  column('contenttype', 'text', (entry) => text(entry.contenttype)),
  column('data', 'bytea', (entry) => entry.data),
  column('raw', 'bytea', (entry) => entry.raw),
  column('reason', 'text', (entry) => text(entry.reason)),
  column('class', 'text', (entry) => text(entry.class)),
  column('status', 'integer', (entry) => entry.status),
  column('attempts', 'integer', (entry) => entry.attempts),
  column('history', 'jsonb', (entry) => json(entry.history)),
  column('faults', 'jsonb', (entry) => json(entry.faults)),
  column('signature', 'text', (entry) => entry.signature),
  column('sample', 'text', (entry) => text(entry.sample)),
  column('deadletteredat', 'timestamptz', (entry) => new Date(entry.deadletteredat).toISOString()),
];

// $1…$n one array a column, rows by index → the positions that were not there yet.
// Either unique key may stand already: by position (read again after a crash), or by delivery, hop and operation.
const insertSql = (schema: string): string => `
  INSERT INTO ${schema}.dead_letters (${columns.map(({ name }) => `"${name}"`).join(', ')})
  SELECT * FROM unnest(${columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')})
  ON CONFLICT DO NOTHING
  RETURNING topic, partition, "offset"`;

// → {kind, place, type, count} of what is open; `place` is the destination of a dead letter, the source of anything else.
const depthsSql = (schema: string): string => `
  SELECT kind, coalesce(destination, source) AS place, type, count(*) AS count
  FROM ${schema}.dead_letters WHERE state = 'open' GROUP BY 1, 2, 3`;

const unavailable = (cause: unknown) => storeError('keep dead letters', cause);
