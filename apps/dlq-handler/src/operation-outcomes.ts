import type { Fact } from '#libs/domain/src/index.js';
import { RECENT_MAX } from './decide-repair.js';

/** `retrying`: an attempt failed, and a delay line has it. */
export type ItemState = 'pending' | 'delivered' | 'retrying' | 'failed';
type Item = { readonly delivery: string; readonly event: string; readonly hop: number; state: ItemState };
type Operation = { items: Map<string, Item>; recent: boolean[]; destinations: Set<string>; overtaken: number };

export type Tally = Readonly<{
  delivered: number;
  failed: number;
  retrying: number;
  overtaken: number;
  recent: readonly boolean[];
  destinations: readonly string[];
}>;

/**
 * What became of what operations sent, from facts alone: the `requeued` fact begins an item (its record names the operation in a
 * header), and what deliver says of that delivery from the next hop on ends it. Both lie in one partition, in order, so a new
 * owner who reads them again comes to the same counts.
 */
export class OperationOutcomes {
  private readonly operations = new Map<string, Operation>();
  private readonly items = new Map<string, Item & { readonly operation: Operation }>();
  private readonly events = new Map<string, number>();

  /** From now on its facts are looked at. */
  watch(operation: string): void {
    if (!this.operations.has(operation))
      this.operations.set(operation, { items: new Map(), recent: [], destinations: new Set(), overtaken: 0 });
  }

  forget(operation: string): void {
    const known = this.operations.get(operation);
    this.operations.delete(operation);
    for (const item of known?.items.values() ?? []) {
      this.drop(item.event);
      if (this.items.get(item.delivery)?.operation === known) this.items.delete(item.delivery);
    }
  }

  isWatching(operation: string): boolean {
    return this.operations.has(operation);
  }

  /** Whether a record of hf.ledger can be about one of them: asked of every one, so it looks at key and header only. */
  wants(event: string, operation: string | null): boolean {
    return (operation !== null && this.operations.has(operation)) || this.events.has(event);
  }

  seen(fact: Fact, operation: string | null): void {
    if (fact.delivery === null) return;
    const of = operation === null ? undefined : this.operations.get(operation);
    if (fact.fact === 'requeued' && of) return this.begun(fact, of);
    const item = this.items.get(fact.delivery);
    if (!item || (fact.hop ?? 0) < item.hop) return;
    const next = stateAfter(fact);
    if (next === 'pending' || item.state === 'delivered') return;
    // Its first word counts for the rate: a retry that helps does not make good the failure.
    if (item.state === 'pending') {
      item.operation.recent.push(next !== 'delivered');
      if (item.operation.recent.length > RECENT_MAX) item.operation.recent.shift();
    }
    if (fact.verdict === 'superseded') item.operation.overtaken++;
    item.state = next;
  }

  tally(operation: string): Tally {
    const known = this.operations.get(operation);
    const counts: Record<ItemState, number> = { pending: 0, delivered: 0, retrying: 0, failed: 0 };
    for (const { state } of known?.items.values() ?? []) counts[state]++;
    return {
      delivered: counts.delivered,
      failed: counts.failed + counts.retrying,
      retrying: counts.retrying,
      overtaken: known?.overtaken ?? 0,
      recent: known?.recent ?? [],
      destinations: [...(known?.destinations ?? [])],
    };
  }

  private begun(fact: Fact, operation: Operation): void {
    const delivery = fact.delivery!;
    if (operation.items.has(delivery)) return;
    const item = { delivery, event: fact.id, hop: (fact.hop ?? 0) + 1, state: 'pending' as ItemState, operation };
    operation.items.set(delivery, item);
    if (fact.destination !== null) operation.destinations.add(fact.destination);
    this.items.set(delivery, item);
    this.events.set(fact.id, (this.events.get(fact.id) ?? 0) + 1);
  }

  private drop(event: string): void {
    const left = (this.events.get(event) ?? 0) - 1;
    if (left > 0) this.events.set(event, left);
    else this.events.delete(event);
  }
}

/** The waits that are nobody's failure: a partner's 429, credentials, an inbox, an entity in front. */
const WAITING: ReadonlySet<string> = new Set(['throttled', 'auth', 'coalesced', 'parked']);

function stateAfter({ fact, class: named, tier }: Fact): ItemState {
  switch (fact) {
    case 'settled':
      return 'delivered';
    case 'dead-lettered':
    case 'discarded':
      return 'failed';
    case 'held':
      return tier === 'parked' ? (WAITING.has(named ?? '') ? 'pending' : 'retrying') : 'failed';
    case 'attempted':
      return WAITING.has(named ?? '') ? 'pending' : 'retrying';
    case 'received':
    case 'judged':
    case 'requeued':
      return 'pending';
  }
}
