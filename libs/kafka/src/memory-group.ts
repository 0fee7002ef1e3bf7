/** A member as its group sees it: told what it has, and whether it may start. */
export interface MemoryMember {
  readonly process: string;
  assigned(partition: number): void;
  revoked(partition: number): void;
  standing(mayStart: boolean): void;
}

/**
 * One group on one topic. Members share the partitions in turn as they come and go; a test moves them by hand instead with
 * `moveTo`, may leave an old owner untold (a zombie that wakes up late), and may hold a member's standing as a rebalance does.
 */
export class MemoryGroup {
  private readonly members: MemoryMember[] = [];
  private readonly owners: (MemoryMember | null)[];

  constructor(
    partitions: number,
    private readonly assignment: 'shared' | 'by-hand',
  ) {
    this.owners = new Array<MemoryMember | null>(partitions).fill(null);
  }

  join(member: MemoryMember): void {
    this.members.push(member);
    if (this.assignment === 'shared') this.share();
  }

  leave(member: MemoryMember, options: { told: boolean } = { told: true }): void {
    const at = this.members.indexOf(member);
    if (at >= 0) this.members.splice(at, 1);
    this.owners.forEach((owner, partition) => owner === member && this.give(partition, null, options.told));
    if (this.assignment === 'shared') this.share();
  }

  /** `told: false`: the old owner does not hear of it, as when it is frozen or cut off. `null`: nobody has the partition. */
  moveTo(partition: number, process: string | null, options: { told: boolean } = { told: true }): void {
    const member = process === null ? null : this.memberOf(process);
    this.give(partition, member, options.told);
  }

  /** The late word to an owner that was not told: it loses what is not its own. */
  tell(process: string): void {
    const member = this.memberOf(process);
    this.owners.forEach((owner, partition) => owner !== member && member.revoked(partition));
  }

  /** Between a rebalance and the new generation, or without heartbeats, a member may not start anything. */
  standing(process: string, mayStart: boolean): void {
    this.memberOf(process).standing(mayStart);
  }

  ownerOf(partition: number): string | null {
    return this.owners[partition]?.process ?? null;
  }

  private memberOf(process: string): MemoryMember {
    const member = this.members.find((one) => one.process === process);
    if (!member) throw new RangeError(`process ${process} has not joined`);
    return member;
  }

  private share(): void {
    this.owners.forEach((_, partition) =>
      this.give(partition, this.members.length ? this.members[partition % this.members.length]! : null, true),
    );
  }

  private give(partition: number, member: MemoryMember | null, told: boolean): void {
    const before = this.owners[partition] ?? null;
    if (before === member) return;
    this.owners[partition] = member;
    if (told) before?.revoked(partition);
    member?.assigned(partition);
  }
}
