/** The technology behind the ports, for wiring files: the projection on Postgres. */
export { PostgresLedgerStore, type PostgresLedgerChoices } from './ledger-store.postgres.js';
export { PostgresLedgerReader, type LedgerReaderChoices } from './ledger-reader.postgres.js';
