import { groupNames, topicNames } from '#libs/domain/src/index.js';
import {
  PartitionOwner,
  type LogCluster,
  type Lease,
  type Owner,
  type PartitionLog,
  type PartitionWork,
  type RecordSource,
  type SourceStatus,
  type Clock,
} from '#libs/kafka/src/index.js';
import { AppendBatcher, type RoundLine } from './append-batcher.js';
import { copyPartition } from './copy.pipeline.js';
import { openDoor, type DoorPlugin } from './door.fastify.js';
import type { IngestBounds } from './ingest.config.js';
import type { CopyTelling, DoorTelling, EventEncoder, TopicSource, WebhookSource } from './ingest.ports.js';
import { systemNaming } from './naming.js';

export type IngestTelling = DoorTelling & CopyTelling & Readonly<{ round(line: RoundLine): void }>;

export type IngestParts = Readonly<{
  cluster: LogCluster;
  encoder: EventEncoder;
  webhooks: readonly WebhookSource[];
  topics: readonly TopicSource[];
  telling: IngestTelling;
  clock: Clock;
  bounds: IngestBounds;
  topicPrefix: string;
  /** Injected by the simulator. */
  ownerOf?: (log: PartitionLog) => Owner;
}>;

export type TopicSourceStatus = SourceStatus & Readonly<{ source: string }>;

export interface IngestProcess {
  readonly door: DoorPlugin;
  /** One a topic source: started and stopped by whoever holds the process (Nest's transport, or a test). */
  readonly works: readonly Readonly<{ source: RecordSource; work: PartitionWork }>[];
  /** From now on every request is answered 503; resolves when all that was taken is answered. */
  stopDoor(): Promise<void>;
  status(): readonly TopicSourceStatus[];
  /** The log does not answer the door. */
  stalled(): boolean;
}

/** The whole of `ingest` over its ports: the door for webhook sources, and a group of one topic for each topic source. */
export async function createIngestProcess(parts: IngestParts): Promise<IngestProcess> {
  const { cluster, encoder, telling, clock, bounds, topicPrefix } = parts;
  const eventsTopic = topicNames(topicPrefix).events;
  const groups = groupNames(topicPrefix);
  const naming = systemNaming(() => clock.nowMs());
  const batcher = new AppendBatcher(await cluster.sink(), bounds, clock, (line) => telling.round(line));
  let stopping = false;
  const door = openDoor({
    sources: parts.webhooks,
    ports: { appender: batcher, encoder, naming, telling, nowMs: () => clock.nowMs(), eventsTopic },
    inFlightMaxBytes: bounds.inFlightMaxBytes,
    stopping: () => stopping,
  });
  // A producer's topic begins at what retention has left: its offset is nobody's to commit before its first owner (rule 4).
  const owner = parts.ownerOf ?? ((log: PartitionLog): Owner => new PartitionOwner(log, { begin: 'earliest' }));
  const copy = { owner, encoder, naming, telling, clock, eventsTopic, batchMaxBytes: bounds.batchMaxBytes };
  const sources = parts.topics.map((of) => ({
    name: of.name,
    source: cluster.source({ group: groups.ingest(of.name), topic: of.topic }),
    work: (log: PartitionLog, lease: Lease) => copyPartition(log, lease, of, copy),
  }));
  return {
    door,
    works: sources,
    stopDoor: () => {
      stopping = true;
      return batcher.stop();
    },
    status: () => sources.map(({ name, source }) => ({ ...source.status(), source: name })),
    stalled: () => batcher.stalled,
  };
}
