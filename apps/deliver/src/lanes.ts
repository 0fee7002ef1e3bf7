/** One at a time per entity, in order of position. Pure: says who may run, runs nobody. */
export class Lanes<T extends Readonly<{ entity: string }>> {
  private readonly queues = new Map<string, T[]>();

  /** True: the lane was empty, and the item is its head. */
  join(item: T): boolean {
    const queue = this.queues.get(item.entity);
    if (queue) {
      queue.push(item);
      return false;
    }
    this.queues.set(item.entity, [item]);
    return true;
  }

  /** The head has ended: the next of its lane, if there is one. */
  leave(item: T): T | null {
    const queue = this.queues.get(item.entity);
    if (queue?.[0] !== item) throw new RangeError(`only the head leaves the lane of ${item.entity}`);
    queue.shift();
    const next = queue[0];
    if (!next) this.queues.delete(item.entity);
    return next ?? null;
  }

  /** All of an entity's lane, its head first. */
  of(entity: string): readonly T[] {
    return this.queues.get(entity) ?? [];
  }

  /** Takes out those behind the head that are meant. */
  takeOut(entity: string, isMeant: (item: T) => boolean): T[] {
    const queue = this.queues.get(entity);
    if (!queue) return [];
    const out: T[] = [];
    const kept = queue.filter((item, index) => index === 0 || !isMeant(item) || !out.push(item));
    if (out.length > 0) this.queues.set(entity, kept);
    return out;
  }
}
