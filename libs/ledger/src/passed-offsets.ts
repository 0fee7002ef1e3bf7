import { parsePosition } from '#libs/domain/src/index.js';
import { decodeCommitMetadata, type LogCluster } from '#libs/kafka/src/index.js';

/** What readers have passed, at one moment. */
export class Passed {
  constructor(private readonly byPartition: ReadonlyMap<string, { offset: number; settled: ReadonlySet<number> } | null>) {}

  /** Null: no group is known for that partition, or it has committed nothing. */
  has(position: string): boolean | null {
    const parsed = parsePosition(position);
    const at = parsed && this.byPartition.get(`${parsed.topic}/${parsed.partition}`);
    return at ? parsed.offset < at.offset || at.settled.has(parsed.offset) : null;
  }

  /** The first offset that the partition's reader has not settled; null as for `has`. */
  next(topic: string, partition: number): number | null {
    return this.byPartition.get(`${topic}/${partition}`)?.offset ?? null;
  }
}

export async function readPassed(
  cluster: Pick<LogCluster, 'committed'>,
  readers: readonly Readonly<{ group: string; topic: string; partitions: number }>[],
): Promise<Passed> {
  const byPartition = new Map<string, { offset: number; settled: ReadonlySet<number> } | null>();
  for (const { group, topic, partitions } of readers) {
    for (let partition = 0; partition < partitions; partition++) {
      const committed = await cluster.committed(group, topic, partition);
      const settled = committed ? (decodeCommitMetadata(committed.offset, committed.metadata)?.settled ?? []) : [];
      byPartition.set(`${topic}/${partition}`, committed && { offset: committed.offset, settled: new Set(settled) });
    }
  }
  return new Passed(byPartition);
}
