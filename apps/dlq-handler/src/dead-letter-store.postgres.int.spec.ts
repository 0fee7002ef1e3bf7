import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { PostgresDeadLetterStore } from './dead-letter-store.postgres.js';
import { deadLetterStoreContract } from './testing/dead-letter-store.contract.js';
import { entry } from './testing/entry.builder.js';

// Goal: the contract on the real Postgres; beside it what only a database can do: refuse data, be away, be migrated by two at once.
const url = process.env['DATABASE_URL'];
if (!url) throw new Error('set DATABASE_URL to a Postgres that tests may make schemas in');
const admin = new pg.Pool({ connectionString: url, max: 1 });
const schemas: string[] = [];
const stores: PostgresDeadLetterStore[] = [];

function open(schema = `t${randomBytes(8).toString('hex')}`): PostgresDeadLetterStore {
  schemas.push(schema);
  const store = new PostgresDeadLetterStore({ url: url!, schema });
  stores.push(store);
  return store;
}
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});
afterAll(async () => {
  for (const schema of schemas) await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await admin.end();
});

deadLetterStoreContract('Postgres', async () => open());

describe('the store on Postgres', () => {
  it('keeps every byte and every word of an entry', async () => {
    const store = open();
    const given = entry({ data: Buffer.from([0, 255, 10, 92, 34, 0]), contenttype: 'application/octet-stream' });
    await store.insert([given]);
    const { rows } = await admin.query<Record<string, unknown>>(`SELECT * FROM ${schemas.at(-1)}.dead_letters`);
    const { offset, deadletteredat, ...plain } = given;
    expect(rows[0]).toMatchObject({ ...plain, offset: String(offset), deadletteredat: new Date(deadletteredat), state: 'open' });
  });

  it('is not stopped by characters that Postgres cannot keep', async () => {
    const store = open();
    const fresh = await store.insert([
      entry({
        reason: 'nul \0 and half \uD800',
        history: [{ ...entry().history[0]!, error: '\0', body: '\uDFFF' }],
        entity: '\0',
        eventid: 'a\0b',
      }),
    ]);
    expect(fresh).toHaveLength(1);
    const { rows } = await admin.query<{ reason: string; kind: string }>(`SELECT reason, kind FROM ${schemas.at(-1)}.dead_letters`);
    expect(rows).toEqual([{ reason: 'nul \uFFFD and half \uFFFD', kind: 'dead-letter' }]);
  });

  it('keeps raw the one entry that Postgres refuses, and the others as they are', async () => {
    const store = open();
    const refused = entry({ offset: 1, delivery: 'd2', attempts: 2 ** 40, data: Buffer.from('body') });
    const fresh = await store.insert([entry(), refused, entry({ offset: 2, delivery: 'd3' })]);
    expect(fresh.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['dead-letter', 0],
      ['unreadable', 1],
      ['dead-letter', 2],
    ]);
    expect(fresh[1]).toMatchObject({
      raw: Buffer.from('body'),
      eventid: 'evt-1',
      reason: expect.stringContaining('out of range') as unknown,
    });
  });

  it('is migrated once by many who start together', async () => {
    const schema = `t${randomBytes(8).toString('hex')}`;
    const depths = await Promise.all(Array.from({ length: 5 }, () => open(schema).depths()));
    expect(depths).toEqual([[], [], [], [], []]);
    const { rows } = await admin.query<{ name: string }>(`SELECT name FROM ${schema}.dlq_handler_migrations`);
    const names = rows.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    expect(names).toContain('0001-dead-letters.sql');
  });

  it('says unavailable, worth another try, when Postgres is away, and works when it comes', async () => {
    const server = createServer((socket) => void socket.destroy()).listen(0);
    await new Promise((resolve) => server.once('listening', resolve));
    const away = new PostgresDeadLetterStore({ url: `postgres://x@127.0.0.1:${(server.address() as AddressInfo).port}/x`, schema: 'x' });
    stores.push(away);
    await expect(away.insert([entry()])).rejects.toMatchObject({ name: 'StoreError', code: 'unavailable', retryable: true });
    await expect(away.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await new Promise((resolve) => server.close(resolve));
  });

  it('lives on when its idle connections are ended', async () => {
    const store = open();
    await store.insert([entry()]);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast dlq-handler' AND query LIKE '%${schemas.at(-1)}%' AND pid <> pg_backend_pid()`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await store.insert([entry()])).toEqual([]);
  });
});
