import type { GroupNames, TopicNames } from '#libs/domain/src/index.js';
import type { LogCluster, PartitionWork, RecordSource, SourceStatus } from '#libs/kafka/src/index.js';
import { keepUnsettled, type Room } from './dlq-handler.pipeline.js';
import type { DlqHandlerPorts } from './dlq-handler.ports.js';
import { carryOut } from './repair.pipeline.js';
import type { RepairPorts } from './repair.ports.js';

export type DlqHandlerParts = Readonly<{
  cluster: LogCluster;
  ports: DlqHandlerPorts;
  topics: TopicNames;
  groups: GroupNames;
  repair?: RepairPorts;
}>;

export type DlqHandlerProcess = Readonly<{
  /** What the transport starts and stops. */
  works: readonly Readonly<{ source: RecordSource; work: PartitionWork }>[];
  status(): readonly SourceStatus[];
}>;

/** The whole of `dlq-handler` over its ports: one group for each of its topics. Without `repair`, commands are left to others. */
export function createDlqHandlerProcess({ cluster, ports, topics, groups, repair }: DlqHandlerParts): DlqHandlerProcess {
  const rooms: readonly Room[] = ['dlq', 'invalid'];
  const works = rooms.map((room) => ({
    source: cluster.source({ group: groups[room], topic: topics[room] }),
    work: keepUnsettled(room, ports),
  }));
  if (repair) works.push({ source: cluster.source({ group: groups.commands, topic: topics.commands }), work: carryOut(repair) });
  return { works, status: () => works.map(({ source }) => source.status()) };
}
