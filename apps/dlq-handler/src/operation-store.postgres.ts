import type pg from 'pg';
import type { DeadLetterPlace } from '#libs/domain/src/index.js';
import { formatDeadLetterId } from '#libs/domain/src/index.js';
import { plainName } from '#libs/postgres/src/index.js';
import { migrate, migrationsOf, openPool, storable as text, storeError } from '#libs/postgres/src/postgres.module.js';
import type { PostgresChoices } from './dead-letter-store.postgres.js';
import type { LeftState } from './decide-departure.js';
import type { OperationRow, OperationStore } from './repair.ports.js';

const CONNECTIONS_MAX = 2;
/** Of one event at one destination: as often as it was requeued. */
const FOUND_MAX = 100;

/** OperationStore on Postgres, in the tables beside the dead letters'. Errors: StoreError `unavailable`. */
export class PostgresOperationStore implements OperationStore {
  private readonly pool: pg.Pool;
  private readonly sql: ReturnType<typeof statements>;
  private migrated: Promise<void> | null = null;

  /** `topics`: where the rows' records stand. */
  constructor(
    private readonly choices: PostgresChoices,
    private readonly topics: Readonly<Record<DeadLetterPlace['room'], string>>,
  ) {
    this.sql = statements(plainName(choices.schema));
    this.pool = openPool({ ...choices, name: 'holdfast dlq-handler', connectionsMax: CONNECTIONS_MAX });
  }

  async keep(row: OperationRow): Promise<void> {
    const { id, kind, phase, by, reason, at, total, sent, delivered, failed, why } = row;
    const values = [text(id), kind, phase, text(by), text(reason), new Date(at).toISOString(), total, sent, delivered, failed, text(why)];
    await this.asked('keep operations', this.sql.keep, values);
  }

  async mark(places: readonly DeadLetterPlace[], state: LeftState): Promise<void> {
    if (places.length === 0) return;
    const topics = places.map(({ room }) => this.topics[room]);
    const partitions = places.map(({ partition }) => partition);
    const offsets = places.map(({ offset }) => offset);
    await this.asked('mark dead letters', this.sql.mark, [state, topics, partitions, offsets]);
  }

  async find(eventposition: string, destination: string): Promise<readonly string[]> {
    const rows = await this.asked<{ partition: number; offset: string }>('find dead letters', this.sql.find, [
      text(eventposition),
      text(destination),
    ]);
    return rows.map(({ partition, offset }) => formatDeadLetterId({ room: 'dlq', partition, offset: Number(offset) }));
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async asked<R extends pg.QueryResultRow>(doing: string, sql: string, values: unknown[]): Promise<R[]> {
    try {
      this.migrated ??= migrate(this.pool, {
        schema: this.choices.schema,
        folder: migrationsOf('dlq-handler'),
        table: 'dlq_handler_migrations',
      }).catch((error: unknown) => {
        this.migrated = null;
        throw error;
      });
      await this.migrated;
      return (await this.pool.query<R>(sql, values)).rows;
    } catch (error) {
      throw storeError(doing, error);
    }
  }
}

/**
 * keep (id, kind, phase, by, reason, at, total, sent, delivered, failed, why) · mark (state, topics[], partitions[], offsets[]):
 * what is open changes, the rest stays · find (eventposition, destination) → partition, offset, the last hop first.
 */
const statements = (schema: string) => ({
  keep: `INSERT INTO ${schema}.operations (id, kind, phase, by, reason, at, total, sent, delivered, failed, why)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (id) DO UPDATE SET phase = EXCLUDED.phase, sent = EXCLUDED.sent, delivered = EXCLUDED.delivered,
      failed = EXCLUDED.failed, why = EXCLUDED.why, updatedat = now()`,
  mark: `UPDATE ${schema}.dead_letters AS d SET state = $1
    FROM unnest($2::text[], $3::int[], $4::bigint[]) AS gone (topic, partition, "offset")
    WHERE d.topic = gone.topic AND d.partition = gone.partition AND d."offset" = gone."offset" AND d.state = 'open'`,
  find: `SELECT partition, "offset" FROM ${schema}.dead_letters
    WHERE kind = 'dead-letter' AND eventposition = $1 AND destination = $2 ORDER BY hop DESC, id DESC LIMIT ${FOUND_MAX}`,
});
