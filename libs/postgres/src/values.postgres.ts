import { StoreError } from './store-error.js';

/** SQLSTATE classes that speak of the data itself: 22 data exception, 23 constraint, 54 program limit. Another try ends the same. */
export const DATA_FAULT = /^(22|23|54)/;

export function sqlStateOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Postgres takes no NUL in text, and no half of a surrogate pair in JSON; a sender may send both. */
export const storable = (value: string | null): string | null => value && value.replaceAll('\0', '\uFFFD').toWellFormed();
export const storableJson = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? storable(inner) : inner));

/** `doing`: what could not be done, such as `keep dead letters`. */
export function storeError(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const why = cause instanceof Error ? cause.message || sqlStateOf(cause) : String(cause);
  return new StoreError('unavailable', `Postgres cannot ${doing}: ${why}`, cause);
}
