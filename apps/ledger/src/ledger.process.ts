import type { GroupNames, TopicNames } from '#libs/domain/src/index.js';
import type { LogCluster, PartitionWork, RecordSource, SourceStatus } from '#libs/kafka/src/index.js';
import { project } from './ledger.pipeline.js';
import type { LedgerPorts } from './ledger.ports.js';

export type LedgerParts = Readonly<{ cluster: LogCluster; ports: LedgerPorts; topics: TopicNames; groups: GroupNames }>;

export type LedgerProcess = Readonly<{
  /** What the transport starts and stops. */
  works: readonly Readonly<{ source: RecordSource; work: PartitionWork }>[];
  status(): readonly SourceStatus[];
}>;

/** The whole of `ledger` over its ports: one group for each of its two topics. */
export function createLedgerProcess({ cluster, ports, topics, groups }: LedgerParts): LedgerProcess {
  const works = [
    { source: cluster.source({ group: groups.ledgerEvents, topic: topics.events }), work: project('events', ports) },
    { source: cluster.source({ group: groups.ledger, topic: topics.ledger }), work: project('facts', ports) },
  ];
  return { works, status: () => works.map(({ source }) => source.status()) };
}
