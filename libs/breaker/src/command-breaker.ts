import { randomUUID } from 'node:crypto';
import { closedBreaker, foldByHand, type BreakerState } from './breaker.fold.js';
import type { BreakerStore } from './breaker-store.port.js';

/** `by` and `reason` stand in the log and the ticket. */
export type BreakerCommand = Readonly<{ to: 'open' | 'close' | 'probe'; by: string; reason: string; atMs: number }>;

const conflictsMax = 20;

/** An operator's word. The replicas follow within about a second. Rejects when the store is away, or never stands still. */
export async function commandBreaker(
  store: Pick<BreakerStore, 'read' | 'swap'>,
  destination: string,
  command: BreakerCommand,
): Promise<BreakerState> {
  let standing = await store.read(destination);
  for (let conflicts = 0; conflicts < conflictsMax; conflicts++) {
    const before = standing.state ?? closedBreaker(command.atMs);
    const state = foldByHand(before, { kind: 'manual', ...command });
    if (state === before) return state;
    const answer = await store.swap(destination, { version: standing.version, next: `hand.${randomUUID()}`, state, lease: null });
    if (answer.kind === 'swapped') return state;
    ({ standing } = answer);
  }
  throw new Error(`the breaker of ${destination} changes faster than it can be set; try again`);
}
