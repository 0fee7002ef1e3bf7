import type { End } from './settlement-records.js';

/** What came of one turn at the gate: an end, or another turn. */
export type Turn =
  | Readonly<{ kind: 'end'; end: End }>
  | Readonly<{ kind: 'again' }>
  /** The next request of its sequence, in the same slot. */
  | Readonly<{ kind: 'next' }>;

export const AGAIN = { kind: 'again' } as const;
