/** How many deliveries of a partition wait for a slot, and for whom. */
export class Waiters {
  count = 0;
  private readonly groups = new Map<string, number>();

  join(group: string | undefined): void {
    this.count++;
    if (group !== undefined) this.groups.set(group, (this.groups.get(group) ?? 0) + 1);
  }

  leave(group: string | undefined): void {
    this.count--;
    if (group === undefined) return;
    const rest = this.groups.get(group)! - 1;
    if (rest > 0) this.groups.set(group, rest);
    else this.groups.delete(group);
  }

  /** Of those whose group is known. */
  groupCount(): number {
    return this.groups.size;
  }
}
