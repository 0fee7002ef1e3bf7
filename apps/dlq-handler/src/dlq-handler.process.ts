import type { GroupNames, TopicNames } from '#libs/domain/src/index.js';
import type { LogCluster, RecordSource, SourceStatus } from '#libs/kafka/src/index.js';
import { keepUnsettled, type Room } from './dlq-handler.pipeline.js';
import type { DlqHandlerPorts } from './dlq-handler.ports.js';

export type DlqHandlerParts = Readonly<{ cluster: LogCluster; ports: DlqHandlerPorts; topics: TopicNames; groups: GroupNames }>;

export type DlqHandlerProcess = Readonly<{ start(): Promise<void>; stop(): Promise<void>; status(): readonly SourceStatus[] }>;

/** The whole of `dlq-handler` over its ports: one group for each of its two topics. */
export function createDlqHandlerProcess({ cluster, ports, topics, groups }: DlqHandlerParts): DlqHandlerProcess {
  const rooms: readonly Room[] = ['dlq', 'invalid'];
  const works = rooms.map((room) => ({
    source: cluster.source({ group: groups[room], topic: topics[room] }),
    work: keepUnsettled(room, ports),
  }));
  const sources: readonly RecordSource[] = works.map(({ source }) => source);
  return {
    start: async () => void (await Promise.all(works.map(({ source, work }) => source.start(work)))),
    stop: async () => void (await Promise.all(sources.map((source) => source.stop()))),
    status: () => sources.map((source) => source.status()),
  };
}
