import type pg from 'pg';
import { plainName } from '#libs/postgres/src/index.js';
import { migrate, migrationsOf, openPool, storeError } from '#libs/postgres/src/postgres.module.js';
import type { OpenGroup } from './decide-group-text.js';
import type { PostgresChoices } from './dead-letter-store.postgres.js';
import type { GroupStore } from './dlq-handler.ports.js';

/** The oldest are taken: a group that was told does not fall out because others came. */
export const GROUPS_MAX = 1_000;
const NEWEST = 20;

type Row = Readonly<Omit<OpenGroup, 'kind' | 'open' | 'sinceMs' | 'correlationIds'>> &
  Readonly<{ kind: string; open: string; since: Date; types: number; correlationids: string[] }>;

/** GroupStore on Postgres, over the rows that PostgresDeadLetterStore keeps. A connection of its own: counting does not stand in the way of storing. */
export class PostgresGroupStore implements GroupStore {
  private readonly pool: pg.Pool;
  private readonly sql: { open: string; ended: string };
  private migrated: Promise<void> | null = null;

  constructor(private readonly choices: PostgresChoices) {
    const { schema } = choices;
    plainName(schema);
    this.pool = openPool({ ...choices, name: 'holdfast dlq-handler notices', connectionsMax: 1 });
    this.sql = { open: openSql(schema), ended: endedSql(schema) };
  }

  async groups(endedSinceMs?: number): Promise<readonly OpenGroup[]> {
    try {
      await this.ready();
      const { rows: open } = await this.pool.query<Row>(this.sql.open);
      if (endedSinceMs === undefined) return open.map(groupOf);
      const { rows: ended } = await this.pool.query<Row>(this.sql.ended, [new Date(endedSinceMs).toISOString()]);
      return [...open, ...ended].map(groupOf);
    } catch (error) {
      throw storeError('count groups', error);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private ready(): Promise<void> {
    const { schema } = this.choices;
    this.migrated ??= migrate(this.pool, { schema, folder: migrationsOf('dlq-handler'), table: 'dlq_handler_migrations' }).catch(
      (error: unknown) => {
        this.migrated = null;
        throw error;
      },
    );
    return this.migrated;
  }
}

function groupOf(row: Row): OpenGroup {
  return {
    kind: row.kind === 'dead-letter' ? 'dead-letter' : 'invalid',
    signature: row.signature,
    open: Number(row.open),
    sinceMs: row.since.getTime(),
    destination: row.destination,
    source: row.source,
    type: Number(row.types) === 1 && row.type !== '' ? row.type : null,
    class: row.class,
    status: row.status,
    sample: row.sample,
    correlationIds: row.correlationids,
  };
}

// Counts by the partial index of what is open; then of each group the newest few rows. → one row a group
const openSql = (schema: string): string => `
  WITH counted AS (
    SELECT signature, count(*) AS open, min(deadletteredat) AS since
    FROM ${schema}.dead_letters WHERE state = 'open' GROUP BY signature ORDER BY since LIMIT ${GROUPS_MAX}
  )
  SELECT c.signature, c.open, c.since, n.types, n.correlationids, l.kind, l.destination, l.source, l.type, l.class, l.status, l.sample
  FROM counted c
  CROSS JOIN LATERAL (
    SELECT count(DISTINCT type) AS types, array_agg(correlationid ORDER BY deadletteredat DESC) AS correlationids
    FROM (
      SELECT type, correlationid, deadletteredat FROM ${schema}.dead_letters
      WHERE state = 'open' AND signature = c.signature ORDER BY deadletteredat DESC LIMIT ${NEWEST}
    ) newest
  ) n
  CROSS JOIN LATERAL (
    SELECT kind, destination, source, type, class, status, sample FROM ${schema}.dead_letters
    WHERE state = 'open' AND signature = c.signature ORDER BY deadletteredat DESC LIMIT 1
  ) l`;

// $1 since when → one row a group of which nothing is open any more
const endedSql = (schema: string): string => `
  SELECT DISTINCT ON (d.signature) d.signature, 0 AS open, d.deadletteredat AS since, 1 AS types, '{}'::text[] AS correlationids,
    d.kind, d.destination, d.source, d.type, d.class, d.status, d.sample
  FROM ${schema}.dead_letters d
  WHERE d.state <> 'open' AND d.deadletteredat >= $1
    AND NOT EXISTS (SELECT 1 FROM ${schema}.dead_letters o WHERE o.state = 'open' AND o.signature = d.signature)
  ORDER BY d.signature, d.deadletteredat DESC LIMIT ${GROUPS_MAX}`;
