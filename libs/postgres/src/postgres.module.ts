/** The technology, for the `*.postgres.ts` rooms of apps and for wiring. */
export { migrate, migrationsOf, type Migrations } from './migrations.postgres.js';
export { openPool, type PoolChoices } from './pool.postgres.js';
export { DATA_FAULT, sqlStateOf, storable, storableJson, storeError } from './values.postgres.js';
