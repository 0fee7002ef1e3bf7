/** What somebody who waits counts towards, and how much. */
export type Share = Readonly<{ group: string; cost: number }>;

type Group<T> = { items: { item: T; cost: number }[]; first: number; credit: number };

/** Those beyond the bound share one place; a name that no group has, for names are texts that a sender chose. */
const REST = Symbol('rest');

/**
 * Deficit round robin: each group has its turn, and in a turn as much as one unit buys; what it could not spend it keeps for its next
 * turn while it waits. So no group waits for more than one turn of every other, however much they bring. Pure bookkeeping.
 *
 * At most `groupsMax` groups have turns of their own; whoever comes beyond them shares one turn with all others that do, until
 * one of the groups has nobody left who waits. Within a group: first come, first served.
 */
export class FairQueue<T> {
  /** In the order of their turns: the first has its turn now. None is empty. */
  private readonly groups = new Map<string | symbol, Group<T>>();
  private count = 0;

  constructor(private readonly groupsMax: number) {}

  get size(): number {
    return this.count;
  }

  push(item: T, { group: name, cost }: Share): void {
    const key = this.groups.has(name) || this.named() < this.groupsMax ? name : REST;
    const group = this.groups.get(key);
    if (group) group.items.push({ item, cost });
    else this.groups.set(key, { items: [{ item, cost }], first: 0, credit: 0 });
    this.count++;
  }

  /** Whose turn it is; undefined: nobody waits. The same until somebody is taken. */
  next(): T | undefined {
    for (const [key, group] of this.groups) {
      const { item, cost } = group.items[group.first]!;
      if (group.credit >= cost) return item;
      // A turn begins. Where the unit is not enough, it is saved, and the others have theirs.
      group.credit++;
      if (group.credit >= cost) return item;
      this.toTheEnd(key, group);
    }
    return undefined;
  }

  /** Takes out whose turn it is. */
  take(): T | undefined {
    const item = this.next();
    if (item === undefined) return undefined;
    const [key, group] = this.groups.entries().next().value!;
    group.credit -= group.items[group.first]!.cost;
    group.items[group.first++] = undefined as never;
    this.count--;
    if (group.first === group.items.length) this.groups.delete(key);
    else if (group.credit < group.items[group.first]!.cost) this.toTheEnd(key, group);
    // Cut off when half of it is gone, so that thousands are not moved up with every one who leaves.
    if (group.first * 2 > group.items.length) {
      group.items.splice(0, group.first);
      group.first = 0;
    }
    return item;
  }

  /** Takes out all that are meant; the others keep their order and their turns. */
  takeOut(isMeant: (item: T) => boolean): T[] {
    const out: T[] = [];
    for (const [key, group] of [...this.groups]) {
      const waiting = group.items.slice(group.first);
      group.items = waiting.filter(({ item }) => !isMeant(item) || !out.push(item));
      group.first = 0;
      if (group.items.length === 0) this.groups.delete(key);
    }
    this.count -= out.length;
    return out;
  }

  private named(): number {
    return this.groups.size - (this.groups.has(REST) ? 1 : 0);
  }

  /** A map hands out in the order of insertion, also to who is going through it. */
  private toTheEnd(key: string | symbol, group: Group<T>): void {
    this.groups.delete(key);
    this.groups.set(key, group);
  }
}
