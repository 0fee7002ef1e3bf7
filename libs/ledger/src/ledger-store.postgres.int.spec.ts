import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { PostgresLedgerStore } from './ledger-store.postgres.js';
import type { Standing } from './standing.fold.js';
import { eventRow, factRow } from './testing/ledger-rows.builder.js';
import { ledgerStoreContract } from './testing/ledger-store.contract.js';

// Goal: the projection on the real Postgres keeps its contract, and retention drops whole days.
const url = process.env['DATABASE_URL'];
if (!url) throw new Error('set DATABASE_URL, or run `npm run test:int`, which starts it');
const pool = new pg.Pool({ connectionString: url, max: 1 });
const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await pool.end();
});

function openStore(): { store: PostgresLedgerStore; schema: string } {
  const schema = `t${randomBytes(6).toString('hex')}`;
  const store = new PostgresLedgerStore({ url: url!, schema });
  closing.push(
    () => pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`),
    () => store.close(),
  );
  return { store, schema };
}

const column = async (sql: string): Promise<string[]> => (await pool.query<{ position: string }>(sql)).rows.map(({ position }) => position);

ledgerStoreContract('postgres', async () => {
  const { store, schema } = openStore();
  await store.ping();
  const look = async () => ({
    events: await column(`SELECT position FROM ${schema}.ledger_events ORDER BY 1`),
    facts: await column(`SELECT position FROM ${schema}.ledger_facts ORDER BY 1`),
    standings: (await pool.query<Omit<Standing, 'at'> & { at: Date }>(`SELECT * FROM ${schema}.ledger_standings`)).rows.map((row) => ({
      ...row,
      at: row.at.getTime(),
    })),
  });
  return { store, look };
});

describe('retention', () => {
  it('drops the days it has passed, and no other', async () => {
    const { store, schema } = openStore();
    const day = 86_400_000;
    const nowMs = Date.UTC(2026, 10, 22, 12);
    const events = [0, 1, 2, 40].map((age, offset) => eventRow(offset, { appendedat: nowMs - age * day }));
    const facts = [0, 40].map((age, offset) => factRow(offset, { appendedat: nowMs - age * day }));
    await store.project({ topic: 'hf.events', partition: 0, from: null, next: 9, events, facts, standings: [] });
    expect(await store.prune(nowMs, { eventsMs: day, factsMs: 90 * day })).toEqual(['ledger_events_20261013', 'ledger_events_20261120']);
    expect(await column(`SELECT position FROM ${schema}.ledger_events ORDER BY 1`)).toEqual(['hf.events/0/0', 'hf.events/0/1']);
    expect(await column(`SELECT position FROM ${schema}.ledger_facts ORDER BY 1`)).toHaveLength(2);
  });
});

it('says what could not be done while Postgres is away, and that it may be tried again', async () => {
  const store = new PostgresLedgerStore({ url: 'postgres://127.0.0.1:1/none', schema: 'none' });
  closing.push(() => store.close());
  await expect(store.progress('hf.ledger', 0)).rejects.toMatchObject({ name: 'StoreError', code: 'unavailable', retryable: true });
});
