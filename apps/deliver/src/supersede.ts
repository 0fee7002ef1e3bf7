import { decideFound, type Rank } from '#libs/delivery/src/index.js';
import type { Item } from './item.js';
import type { End } from './settlement-records.js';
import type { Turn } from './turn.js';
import type { Way } from './way.js';

/** Overtaken before its turn, when nobody can have started it; null: somebody may have. */
export function dropNow(item: Item, by: Rank, way: Way): End | null {
  const isUntouched = item.keepsStart || (item.openClaim === null && !way.mayBeStarted(item.offset));
  return isUntouched ? { kind: 'superseded', item, atMs: way.clock.nowMs(), class: 'superseded', by } : null;
}

/** Overtaken. Redis is asked where an owner before may have started it: what took effect is told as that. */
export async function supersede(item: Item, by: Rank, way: Way): Promise<Turn> {
  const untouched = dropNow(item, by, way);
  if (untouched) return { kind: 'end', end: untouched };
  const claim = await way.claim(item, false);
  if (claim === null) return { kind: 'again' };
  if (claim.kind === 'done') return way.found(item, decideFound(claim, way.destination.policy.resolve));
  if (claim.kind === 'started') way.doubt(item, claim);
  else await way.unsent(item);
  return { kind: 'end', end: { kind: 'superseded', item, atMs: way.clock.nowMs(), class: 'superseded', by } };
}

/** The same without a slot. Null: the partition goes away first. */
export async function drop(item: Item, by: Rank, way: Way): Promise<End | null> {
  while (await way.mayClaim()) {
    const turn = await supersede(item, by, way);
    if (turn.kind === 'end') return turn.end;
  }
  return null;
}
