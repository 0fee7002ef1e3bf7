/** What a member says of itself when it joins: who it is, and what it has at the moment. */
export type AssignmentClaim = Readonly<{ member: string; has: readonly number[] }>;

/**
 * Shares partitions evenly and moves as few as it can: each member keeps what it has up to its share (a partition claimed by two
 * stays with the first by name), and what is left goes to whoever has least. The same claims give the same answer, in any order.
 */
export function decideAssignment(claims: readonly AssignmentClaim[], partitions: number): Map<string, number[]> {
  const members = [...claims].sort((a, b) => (a.member < b.member ? -1 : 1));
  const assigned = new Map(members.map(({ member }) => [member, [] as number[]]));
  if (members.length === 0) return assigned;
  const share = Math.floor(partitions / members.length);
  let larger = partitions % members.length; // So many members have one more.
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition));
  for (const { member, has } of members) {
    const mine = assigned.get(member)!;
    for (const partition of [...has].sort((a, b) => a - b)) {
      const roomForOneMore = mine.length === share && larger > 0;
      if (!free.has(partition) || mine.length > share || (mine.length === share && !roomForOneMore)) continue;
      if (roomForOneMore) larger -= 1;
      mine.push(partition);
      free.delete(partition);
    }
  }
  for (const partition of free) {
    const least = members.reduce(
      (best, { member }) => (assigned.get(member)!.length < assigned.get(best)!.length ? member : best),
      members[0]!.member,
    );
    assigned.get(least)!.push(partition);
  }
  for (const mine of assigned.values()) mine.sort((a, b) => a - b);
  return assigned;
}
