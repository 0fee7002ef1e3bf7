import type { Codec } from '#libs/contracts/src/index.js';
import { groupNames } from '#libs/domain/src/index.js';
import type { SeenStore } from '#libs/identity/src/index.js';
import {
  PartitionOwner,
  type Clock,
  type LogCluster,
  type Owner,
  type PartitionLog,
  type PartitionWork,
  type RecordSource,
} from '#libs/kafka/src/index.js';
import { dedupePartition } from './dedupe.pipeline.js';
import type { DedupeConfig, DedupeNews } from './dedupe.ports.js';

export type DedupeWorld = Readonly<{
  cluster: LogCluster;
  seen: SeenStore;
  codec: Codec;
  clock: Clock;
  config: DedupeConfig;
  /** The topics' and groups' common prefix. */
  prefix: string;
  tell(news: DedupeNews): void;
  /** Left out: PartitionOwner. The simulator plants its faults here. */
  own?(log: PartitionLog): Owner;
}>;

/** One dedupe: a group member whose partitions each run the pipeline, once `start` was called (or Nest started `work` on `source`). */
/** Injects the DedupeProcess. */
export const DEDUPE_PROCESS = Symbol('DedupeProcess');

export type DedupeProcess = Readonly<{
  source: RecordSource;
  work: PartitionWork;
  group: string;
  topic: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}>;

export function createDedupeProcess({ cluster, seen, codec, clock, config, prefix, tell, own }: DedupeWorld): DedupeProcess {
  const group = groupNames(prefix).dedupe;
  const topic = config.topics.events;
  const source = cluster.source({ group, topic });
  const ports = {
    own: own ?? ((log: PartitionLog) => new PartitionOwner(log, { begin: 'own-topic' as const })),
    reader: (of: string, partition: number) => cluster.reader(of, partition),
    seen,
    codec,
    clock,
    tell,
  };
  const work: PartitionWork = (log, lease) => dedupePartition(log, lease, ports, config);
  return { source, work, group, topic, start: () => source.start(work), stop: () => source.stop() };
}
