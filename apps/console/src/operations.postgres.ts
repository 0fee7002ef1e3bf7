import type pg from 'pg';
import { plainName } from '#libs/postgres/src/index.js';
import { openPool, storable, storeError, type PoolChoices } from '#libs/postgres/src/postgres.module.js';
import type { Operation, OperationsReader } from './console.ports.js';

export type OperationsChoices = Readonly<{ url: string; schema: string; onIdleError?: PoolChoices['onIdleError'] }>;

const CONNECTIONS_MAX = 2;

/** OperationsReader on the table that dlq-handler keeps. */
export class PostgresOperations implements OperationsReader {
  private readonly pool: pg.Pool;
  private readonly table: string;

  constructor(choices: OperationsChoices) {
    this.table = `${plainName(choices.schema)}.operations`;
    this.pool = openPool({ ...choices, name: 'holdfast console', connectionsMax: CONNECTIONS_MAX });
  }

  async get(id: string): Promise<Operation | null> {
    try {
      const { rows } = await this.pool.query<Omit<Operation, 'at'> & { at: Date }>(
        `SELECT id AS "operationId", kind, phase, by, reason, at, total, sent, delivered, failed, why FROM ${this.table} WHERE id = $1`,
        [storable(id)],
      );
      return rows[0] ? { ...rows[0], at: rows[0].at.getTime() } : null;
    } catch (error) {
      throw storeError('answer about operations', error);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}
