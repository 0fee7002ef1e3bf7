import type { Holding } from '#libs/delivery/src/index.js';
import { groupNames, type GroupNames } from '#libs/domain/src/index.js';
import type { LogCluster, Owner, PartitionLog, PartitionReader, PartitionWork, RecordSource, SourceStatus } from '#libs/kafka/src/index.js';
import { delayLineWork } from './delay-line.pipeline.js';
import { deliverBoundsDefault, type DeliverBounds } from './deliver.config.js';
import type { DeliverPorts, Destination, ParkedWord } from './deliver.ports.js';
import { Gate } from './gate.js';
import type { ParkedOffice } from './open-ordering.js';
import { deliverWork } from './partition-run.js';

export type DeliverProcessParts = Readonly<{
  cluster: LogCluster;
  ports: DeliverPorts;
  destinations: readonly Destination[];
  tiers: readonly Readonly<{ name: string; delayMs: number }>[];
  topicPrefix?: string;
  bounds?: Partial<DeliverBounds>;
  /** Injected by the simulator. */
  ownerOf?: (log: PartitionLog, beside: PartitionReader | null) => Owner;
}>;

/** Injects the DeliverProcess. */
export const DELIVER_PROCESS = Symbol('DeliverProcess');

export type DeliverProcess = Readonly<{
  /** For a transport that starts and stops them itself. */
  works: readonly Readonly<{ source: RecordSource; work: PartitionWork }>[];
  start(): Promise<void>;
  /** Revokes, settles what ends in time, leaves the groups. */
  stop(): Promise<void>;
  /** Ends what waits beside the partitions; `stop` does it as well. */
  close(): Promise<void>;
  status(): readonly SourceStatus[];
  /** Partitions that are here now, as `<destination or tier>/<partition>`. */
  here(): ReadonlySet<string>;
  /** Parked deliveries of each partition that is here. */
  parked(): readonly Readonly<{ destination: string; partition: number; size: number }>[];
  /** `not-here`: no partition of this process has it parked. `busy`: it is under way, or not the first of its entity. */
  resolve(destination: string, word: ParkedWord): Promise<'resolved' | 'not-here' | 'busy'>;
  /** All that holds each destination, the most telling first. */
  holds(): readonly (Holding & Readonly<{ destination: string }>)[];
}>;

/** The whole of `deliver` over its ports: a group, a topic, a gate and a way out for each destination; a group for each delay line. */
export function createDeliverProcess(parts: DeliverProcessParts): DeliverProcess {
  const { cluster, ports, destinations, tiers, ownerOf } = parts;
  const bounds = { ...deliverBoundsDefault, ...parts.bounds };
  const groups: GroupNames = groupNames(parts.topicPrefix);
  const known = new Set(destinations.map(({ name }) => name));
  const gates = new Map(
    destinations.map(({ name, policy, valves, fairness }) => [
      name,
      new Gate(ports.clock, { ...policy, valves, ...(fairness && { groupsMax: fairness.groupsMax }) }),
    ]),
  );
  const offices = new Set<ParkedOffice>();
  const works = [
    ...destinations.map((destination) => ({
      name: destination.name,
      source: cluster.source({
        group: groups.deliver(destination.name),
        topic: ports.topics.deliveries(destination.name),
        ...(destination.ordering?.hasStrict && { beside: ports.topics.parked(destination.name) }),
      }),
      work: deliverWork({ destination, gate: gates.get(destination.name)!, ports, bounds, cluster, offices, ...(ownerOf && { ownerOf }) }),
    })),
    ...tiers.map((tier) => ({
      name: tier.name,
      source: cluster.source({ group: groups.delayLine(tier.name), topic: ports.topics.retry(tier.name) }),
      work: delayLineWork({ tier, known, ports, bounds, ...(ownerOf && { ownerOf: (log: PartitionLog) => ownerOf(log, null) }) }),
    })),
  ];
  const close = async (): Promise<void> => void (await Promise.all([...gates.values()].map((gate) => gate.close())));
  const sources: readonly RecordSource[] = works.map(({ source }) => source);
  return {
    works,
    start: async () => void (await Promise.all(works.map(({ source, work }) => source.start(work)))),
    stop: async () => {
      await Promise.all(sources.map((source) => source.stop()));
      await close();
    },
    close,
    status: () => sources.map((source) => source.status()),
    here: () => new Set(works.flatMap(({ name, source }) => source.status().partitions.map((partition) => `${name}/${partition}`))),
    parked: () => [...offices].map(({ destination, partition, size }) => ({ destination, partition, size: size() })),
    resolve: (destination, word) => resolveIn(offices, destination, word),
    holds: () => [...gates].flatMap(([destination, gate]) => gate.holdings().map((holding) => ({ destination, ...holding }))),
  };
}

async function resolveIn(
  offices: Iterable<ParkedOffice>,
  destination: string,
  word: ParkedWord,
): Promise<'resolved' | 'not-here' | 'busy'> {
  for (const office of offices) {
    if (office.destination !== destination) continue;
    const answer = await office.resolve(word);
    if (answer !== 'not-here') return answer;
  }
  return 'not-here';
}
