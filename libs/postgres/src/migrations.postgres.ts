import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

/** `apps/<app>/migrations`, from the compiled file (dist/libs/postgres/src). */
export const migrationsOf = (app: string): string => fileURLToPath(new URL(`../../../../apps/${app}/migrations`, import.meta.url));

export type Migrations = Readonly<{
  schema: string;
  folder: string;
  /** The table that remembers what was applied: one for each app, since they share the schema. */
  table: string;
}>;

type Migration = Readonly<{ name: string; sql: string; digest: string }>;

/**
 * Brings the schema's tables up to date: each `NNNN-name.sql` once, in order, all in one transaction under an advisory lock, so
 * replicas that start together do not meet. A file that was applied never changes: another digest is refused.
 */
export async function migrate(pool: pg.Pool, { schema, folder, table }: Migrations): Promise<void> {
  const migrations = await read(folder);
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`holdfast migrations ${schema}`]);
    // Asked first: IF NOT EXISTS wants the right to create even where the schema stands already.
    const { rows } = await client.query<{ stands: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS stands', [schema]);
    if (!rows[0]?.stands) await client.query(`CREATE SCHEMA ${schema}`);
    await client.query(`SET LOCAL search_path TO ${schema}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${table} (name text PRIMARY KEY, digest text NOT NULL, appliedat timestamptz NOT NULL DEFAULT now())`,
    );
    await apply(client, table, migrations);
    await client.query('COMMIT');
  } catch (error) {
    failure = error as Error;
    await client.query('ROLLBACK').catch(() => {}); // The connection is gone, and the transaction with it.
    throw error;
  } finally {
    client.release(failure);
  }
}

async function apply(client: pg.PoolClient, table: string, migrations: readonly Migration[]): Promise<void> {
  const { rows } = await client.query<{ name: string; digest: string }>(`SELECT name, digest FROM ${table}`);
  const applied = new Map(rows.map((row) => [row.name, row.digest]));
  for (const { name, sql, digest } of migrations) {
    const known = applied.get(name);
    if (known === digest) continue;
    if (known !== undefined) throw new Error(`migration ${name} was applied in another form; add a new one instead of changing it`);
    await client.query(sql);
    await client.query(`INSERT INTO ${table} (name, digest) VALUES ($1, $2)`, [name, digest]);
  }
}

async function read(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8');
      return { name, sql, digest: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}
