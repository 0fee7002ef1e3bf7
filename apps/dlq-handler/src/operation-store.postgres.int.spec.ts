import { randomBytes } from 'node:crypto';
import { afterAll } from '@jest/globals';
import pg from 'pg';
import { PostgresDeadLetterStore } from './dead-letter-store.postgres.js';
import { PostgresOperationStore } from './operation-store.postgres.js';
import type { OperationRow } from './repair.ports.js';
import { entry } from './testing/entry.builder.js';
import { operationStoreContract } from './testing/operation-store.contract.js';

// Goal: operations and marks on the real Postgres keep their contract.
const url = process.env['DATABASE_URL'];
if (!url) throw new Error('set DATABASE_URL, or run `npm run test:int`, which starts it');
const pool = new pg.Pool({ connectionString: url, max: 1 });
const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await pool.end();
});

operationStoreContract('postgres', async () => {
  const schema = `t${randomBytes(6).toString('hex')}`;
  const entries = new PostgresDeadLetterStore({ url, schema });
  const store = new PostgresOperationStore({ url, schema }, { dlq: 'hf.dlq', invalid: 'hf.invalid' });
  closing.push(
    () => pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`),
    () => entries.close(),
    () => store.close(),
  );
  await entries.depths(); // The tables are there.
  return {
    store,
    add: async ({ partition, offset }, hop) => {
      await entries.insert([entry({ partition, offset }, { id: `dlv-${partition}-${offset}`, hop })].map((one) => ({ ...one, hop })));
    },
    look: async () => {
      const states = await pool.query<{ id: string; state: string }>(
        `SELECT 'dlq-' || partition || '-' || "offset" AS id, state FROM ${schema}.dead_letters WHERE state <> 'open'`,
      );
      const rows = await pool.query<Omit<OperationRow, 'at'> & { at: Date }>(
        `SELECT id, kind, phase, by, reason, at, total, sent, delivered, failed, why FROM ${schema}.operations`,
      );
      return {
        states: Object.fromEntries(states.rows.map(({ id, state }) => [id, state])),
        rows: rows.rows.map((row) => ({ ...row, at: row.at.getTime() })),
      };
    },
  };
});
