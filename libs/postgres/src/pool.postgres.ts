import pg from 'pg';

export type PoolChoices = Readonly<{
  url: string;
  /** What `pg_stat_activity` shows. */
  name: string;
  connectionsMax: number;
  statementMaxMs?: number;
  /** Told of connections that broke while nobody used them. */
  onIdleError?: (error: Error) => void;
}>;

const CONNECT_MAX_MS = 3_000;
const STATEMENT_MAX_MS = 10_000;
/** The answer may be lost as well as the question. */
const ANSWER_MARGIN_MS = 5_000;

/** A pool in which nothing waits for ever: connecting, a statement and its answer have each their bound. */
export function openPool({ url, name, connectionsMax, statementMaxMs = STATEMENT_MAX_MS, onIdleError }: PoolChoices): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_MAX_MS,
    statement_timeout: statementMaxMs,
    query_timeout: statementMaxMs + ANSWER_MARGIN_MS,
  });
  pool.on('error', (error) => onIdleError?.(error));
  return pool;
}
