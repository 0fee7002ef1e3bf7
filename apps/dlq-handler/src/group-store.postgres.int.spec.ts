import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { PostgresDeadLetterStore } from './dead-letter-store.postgres.js';
import { PostgresGroupStore } from './group-store.postgres.js';
import { entry } from './testing/entry.builder.js';

// Goal: the groups are those of the rows as they stand on the real Postgres, with what a notice says of them.
const url = process.env['DATABASE_URL'];
if (!url) throw new Error('set DATABASE_URL to a Postgres that tests may make schemas in');
let schema: string;
let admin: pg.Pool;
let letters: PostgresDeadLetterStore;
let store: PostgresGroupStore;
beforeEach(() => {
  schema = `t${randomBytes(8).toString('hex')}`;
  admin = new pg.Pool({ connectionString: url, max: 1 });
  letters = new PostgresDeadLetterStore({ url: url, schema });
  store = new PostgresGroupStore({ url: url, schema });
});
afterEach(async () => {
  await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await Promise.all([admin.end(), letters.close(), store.close()]);
});

const many = (count: number, from: number, over: Parameters<typeof entry>[0]) =>
  Array.from({ length: count }, (_, n) =>
    entry({ offset: from + n, delivery: null, correlationid: `c-${from + n}`, deadletteredat: 1_000 * (from + n), ...over }),
  );

describe('groups on Postgres', () => {
  it('are none at first, and made where the tables are not there yet', async () => {
    expect(await store.groups(0)).toEqual([]);
  });

  it('have their number, their age and the newest correlation ids', async () => {
    await letters.insert([
      ...many(30, 1, { signature: 'a' }),
      ...many(2, 50, { signature: 'b', kind: 'invalid', destination: null, class: 'invalid', status: null }),
      ...many(1, 60, { signature: 'b', kind: 'invalid', destination: null, class: 'invalid', status: null, type: 'order.gone' }),
    ]);
    const [a, b] = [...(await store.groups())].sort((one, two) => one.signature.localeCompare(two.signature));
    expect(a).toMatchObject({ kind: 'dead-letter', open: 30, sinceMs: 1_000, destination: 'portal', type: 'order.updated', status: 422 });
    expect(a!.correlationIds).toEqual(Array.from({ length: 20 }, (_, n) => `c-${30 - n}`));
    expect(b).toMatchObject({ kind: 'invalid', open: 3, destination: null, type: null, source: 'erp' });
  });

  it('end when nothing of them is open, and are found then by who asks for the ended', async () => {
    await letters.insert([...many(2, 1, { signature: 'a' }), ...many(2, 10, { signature: 'b' })]);
    await admin.query(`UPDATE ${schema}.dead_letters SET state = 'requeued' WHERE signature = 'a' OR "offset" = 10`);
    const told = async (since?: number) => (await store.groups(since)).map(({ signature, open }) => `${signature} ${open}`).sort();
    expect(await told()).toEqual(['b 1']);
    expect(await told(0)).toEqual(['a 0', 'b 1']);
    expect(await told(3_000)).toEqual(['b 1']);
  });
});
