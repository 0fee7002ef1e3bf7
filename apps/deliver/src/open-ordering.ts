import type { LogCluster, LogRecord, PartitionLog, PartitionReader } from '#libs/kafka/src/index.js';
import { besideKey } from './beside-key.js';
import type { DeliverBounds } from './deliver.config.js';
import type { DeliverPorts, Destination, ParkedWord } from './deliver.ports.js';
import type { Item } from './item.js';
import type { Lanes } from './lanes.js';
import { Ordering } from './ordering.js';
import { Parked } from './parked.js';
import type { End } from './settlement-records.js';
import type { Way } from './way.js';

/** What a partition's run lends to the ordering of its deliveries. */
export type OrderedRun = Readonly<{
  destination: Destination;
  ports: DeliverPorts;
  bounds: DeliverBounds;
  cluster: Pick<LogCluster, 'reader' | 'partitions'>;
  log: PartitionLog;
  lanes: Lanes<Item>;
  stop: AbortSignal;
  /** How far the partition has been read. */
  read(): number;
  /** Something that ends before the partition lets go, or is left behind with it. */
  track(task: Promise<void>): void;
  settle(end: End): void;
  settleUnreadable(record: LogRecord, why: Readonly<{ code: string; message: string }>, key: number): void;
}>;

/** Where an operator's word on parked deliveries is taken. */
export type ParkedOffice = Readonly<{
  destination: string;
  partition: number;
  size(): number;
  resolve(word: ParkedWord): Promise<'resolved' | 'not-here' | 'busy'>;
}>;

/** The same partition of the destination's parked topic; null: no route here is strict. */
export const parkedReader = ({ destination, cluster, ports, log }: OrderedRun): PartitionReader | null =>
  destination.ordering?.hasStrict ? cluster.reader(ports.topics.parked(destination.name), log.partition) : null;

export function openParked(run: OrderedRun, tail: PartitionReader, ordering: () => Ordering | null): Parked {
  const { destination, ports, bounds, stop, settle, track } = run;
  return new Parked({
    tail,
    heads: parkedReader(run)!,
    ports,
    bounds,
    stop,
    deliver: (item) => ordering()!.deliverParked(item),
    continuesAfter: ({ delivery }) => destination.ordering!.continuesAfter(delivery.event),
    pause: (end) => ordering()!.pause(end),
    settle,
    settleUnreadable: (record, why) => run.settleUnreadable(record, why, besideKey(record.offset)),
    track,
  });
}

/** Null: all routes here are unordered, and nothing is asked of anybody. */
export function openOrdering(run: OrderedRun, way: Way, parked: Parked | null): Ordering | null {
  const { destination, log } = run;
  if (!destination.ordering) return null;
  const endOffset = async (): Promise<number> => (await log.bounds()).endOffset;
  return new Ordering({ ...run, rules: destination.ordering, partition: log.partition, way, parked, endOffset });
}

export const officeOf = ({ destination, log }: OrderedRun, parked: Parked): ParkedOffice => ({
  destination: destination.name,
  partition: log.partition,
  size: () => parked.size(),
  resolve: (word) => parked.resolve(word),
});
