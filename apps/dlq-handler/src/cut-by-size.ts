import type { Entry } from './decide-entry.js';

/** What a history entry takes beside its texts. */
const ATTEMPT_BYTES = 200;
const ENTRY_BYTES = 1_000;

/** In order, in pieces of at most `maxBytes`; an entry that is larger stands alone. */
export function cutBySize(entries: readonly Entry[], maxBytes: number): Entry[][] {
  const pieces: Entry[][] = [];
  let bytes = Infinity;
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (bytes + size > maxBytes) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)!.push(entry);
    bytes += size;
  }
  return pieces;
}

const sizeOf = ({ data, raw, history }: Entry): number =>
  ENTRY_BYTES +
  data.length +
  (raw?.length ?? 0) +
  history.reduce((sum, { error, body }) => sum + ATTEMPT_BYTES + (error?.length ?? 0) + (body?.length ?? 0), 0);
