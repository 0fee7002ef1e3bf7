import type pg from 'pg';
import { plainName } from '#libs/postgres/src/index.js';
import { openPool, storable, storeError, type PoolChoices } from '#libs/postgres/src/postgres.module.js';
import type {
  Cursor,
  DeadLetter,
  DeadLetterGroup,
  DeadLetterItem,
  DeadLetterQuery,
  DeadLettersReader,
  Page,
  Selection,
} from './console.ports.js';
import { formatDeadLetterId, parseDeadLetterId } from '#libs/domain/src/index.js';

export type DeadLettersChoices = Readonly<{ url: string; schema: string; onIdleError?: PoolChoices['onIdleError'] }>;

const CONNECTIONS_MAX = 4;
const STATEMENT_MAX_MS = 5_000;
const GROUPS_MAX = 500;

const ITEM = `kind, state, partition, "offset", eventid, correlationid, destination, source, type, entity, reason, class, status, attempts,
  signature AS "group", deadletteredat`;

type ItemRow = Omit<DeadLetterItem, 'id' | 'deadletteredat'> & { kind: string; partition: number; offset: string; deadletteredat: Date };
type WholeRow = ItemRow &
  Pick<DeadLetter, 'delivery' | 'contenttype' | 'data' | 'history' | 'faults' | 'eventposition'> & { topic: string };

/** DeadLettersReader on the table that dlq-handler keeps. */
export class PostgresDeadLetters implements DeadLettersReader {
  private readonly pool: pg.Pool;
  private readonly table: string;

  constructor(choices: DeadLettersChoices) {
    this.table = `${plainName(choices.schema)}.dead_letters`;
    this.pool = openPool({ ...choices, name: 'holdfast console', connectionsMax: CONNECTIONS_MAX, statementMaxMs: STATEMENT_MAX_MS });
  }

  /** Newest first. */
  async list(query: DeadLetterQuery, { after, max }: { after: Cursor | null; max: number }): Promise<Page<DeadLetterItem>> {
    const { where, values, bind } = conditions(query);
    const last = after && parseDeadLetterId(after.id);
    if (after && last)
      where.push(
        `(deadletteredat, partition, "offset") < (${bind(new Date(after.atMs).toISOString())}::timestamptz, ${bind(last.partition)}, ${bind(last.offset)})`,
      );
    const rows = await this.rows<ItemRow>(
      `SELECT ${ITEM} FROM ${this.table} WHERE ${where.join(' AND ')} ORDER BY deadletteredat DESC, partition DESC, "offset" DESC LIMIT ${bind(max + 1)}`,
      values,
    );
    const items = rows.slice(0, max).map(itemOf);
    const end = items.at(-1);
    return { items, next: rows.length > max && end ? { atMs: end.deadletteredat, id: end.id } : null };
  }

  async get(id: string): Promise<DeadLetter | null> {
    const at = parseDeadLetterId(id);
    if (!at) return null;
    const [row] = await this.rows<WholeRow>(
      `SELECT ${ITEM}, topic, delivery, contenttype, data, history, faults, eventposition FROM ${this.table}
       WHERE (kind <> 'invalid') = $1 AND partition = $2 AND "offset" = $3 ORDER BY id DESC LIMIT 1`,
      [at.room === 'dlq', at.partition, at.offset],
    );
    if (!row) return null;
    const { topic, delivery, contenttype, data, history, faults, eventposition } = row;
    return {
      ...itemOf(row),
      delivery,
      contenttype,
      data,
      history,
      faults,
      eventposition,
      position: `${topic}/${row.partition}/${row.offset}`,
    };
  }

  /** The largest first. */
  async groups(query: DeadLetterQuery): Promise<readonly DeadLetterGroup[]> {
    const { where, values } = conditions(query);
    type Row = Omit<DeadLetterGroup, 'count' | 'oldest' | 'newest'> & { count: string; oldest: Date; newest: Date };
    const rows = await this.rows<Row>(
      `SELECT signature AS "group", max(destination) AS destination, max(source) AS source, max(class) AS class, max(status) AS status,
         max(sample) AS sample, count(*) AS count, min(deadletteredat) AS oldest, max(deadletteredat) AS newest
       FROM ${this.table} WHERE ${where.join(' AND ')} AND state = 'open' GROUP BY signature ORDER BY count(*) DESC, 1 LIMIT ${GROUPS_MAX}`,
      values,
    );
    return rows.map((row) => ({ ...row, count: Number(row.count), oldest: row.oldest.getTime(), newest: row.newest.getTime() }));
  }

  async freeze(selection: Selection, max: number): Promise<{ ids: readonly string[]; count: number }> {
    const { where, values, bind } = 'ids' in selection ? chosen(selection.ids) : conditions(selection.filter);
    where.push(`state = 'open'`);
    const rows = await this.rows<{ kind: string; partition: number; offset: string; total: string }>(
      `SELECT kind, partition, "offset", count(*) OVER () AS total FROM ${this.table}
       WHERE ${where.join(' AND ')} ORDER BY deadletteredat, partition, "offset" LIMIT ${bind(max)}`,
      values,
    );
    return { ids: rows.map(idOf), count: Number(rows[0]?.total ?? 0) };
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async rows<R extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<R[]> {
    try {
      return (await this.pool.query<R>(text, [...values])).rows;
    } catch (error) {
      throw storeError('answer about dead letters', error);
    }
  }
}

type Conditions = { where: string[]; values: unknown[]; bind(value: unknown): string };

function conditions(query: DeadLetterQuery): Conditions {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(typeof value === 'string' ? storable(value) : value)}`;
  const where = [query.kind === 'invalid' ? `kind = 'invalid'` : `kind <> 'invalid'`];
  const columns = { destination: 'destination', source: 'source', type: 'type', class: 'class', group: 'signature' } as const;
  for (const name of Object.keys(columns) as (keyof typeof columns)[]) {
    const value = query[name];
    if (value !== undefined) where.push(`${columns[name]} = ${bind(value)}`);
  }
  if (query.fromMs !== undefined) where.push(`deadletteredat >= ${bind(new Date(query.fromMs).toISOString())}`);
  if (query.toMs !== undefined) where.push(`deadletteredat < ${bind(new Date(query.toMs).toISOString())}`);
  return { where, values, bind };
}

function chosen(ids: readonly string[]): Conditions {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const places = ids.flatMap((id) => parseDeadLetterId(id) ?? []);
  const of = (room: 'dlq' | 'invalid', name: 'partition' | 'offset') =>
    places.filter((place) => place.room === room).map((place) => place[name]);
  const room = (isDlq: boolean): string => {
    const name = isDlq ? 'dlq' : 'invalid';
    return `((kind <> 'invalid') = ${bind(isDlq)} AND (partition, "offset") IN (SELECT * FROM unnest(${bind(of(name, 'partition'))}::int[], ${bind(of(name, 'offset'))}::bigint[])))`;
  };
  return { where: [`(${room(true)} OR ${room(false)})`], values, bind };
}

const idOf = ({ kind, partition, offset }: { kind: string; partition: number; offset: string }): string =>
  formatDeadLetterId({ room: kind === 'invalid' ? 'invalid' : 'dlq', partition, offset: Number(offset) });

const itemOf = (row: ItemRow): DeadLetterItem => ({
  id: idOf(row),
  state: row.state,
  eventid: row.eventid,
  correlationid: row.correlationid,
  destination: row.destination,
  source: row.source,
  type: row.type,
  entity: row.entity,
  reason: row.reason,
  class: row.class,
  status: row.status,
  attempts: row.attempts,
  group: row.group,
  deadletteredat: row.deadletteredat.getTime(),
});
