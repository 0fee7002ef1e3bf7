import type { Codec } from '#libs/contracts/src/index.js';
import {
  formatPosition,
  parseDeadLetterId,
  type Command,
  type Fact,
  type HoldfastEvent,
  type Position,
  type TopicNames,
} from '#libs/domain/src/index.js';
import type { LogCluster, OutRecord } from '#libs/kafka/src/index.js';
import { recordAt } from '#libs/ledger/src/index.js';
import { factOfDelivery, factOfEvent, requeuedDelivery, type Word } from './decide-departure.js';

/** On a `requeued` fact's record: whose outcomes it begins. */
export const OPERATION_HEADER = 'hf-operation';

/** One dead letter as it leaves, or why it stays. */
export type Departure =
  | Readonly<{ kind: 'leaves'; id: string; destination: string | null; records: readonly OutRecord[]; bytes: number }>
  | Readonly<{ kind: 'stays'; id: string; why: string }>;

export type DepartureScope = Readonly<{
  codec: Codec;
  cluster: Pick<LogCluster, 'reader'>;
  topics: TopicNames;
  destinations: ReadonlySet<string>;
}>;

/** Reads the record at its position and makes what leaves of it. */
export async function departureOf(id: string, word: Word, scope: DepartureScope): Promise<Departure> {
  const stays = (why: string): Departure => ({ kind: 'stays', id, why });
  const place = parseDeadLetterId(id);
  if (!place) return stays('is no id of a dead letter');
  const at: Position = { topic: scope.topics[place.room], partition: place.partition, offset: place.offset };
  const record = await recordAt(scope.cluster.reader(at.topic, at.partition, 'glance'), at.offset);
  if (!record?.value) return stays('is no longer in the log');
  if (place.room === 'invalid') {
    if (word.as !== 'discard') return stays('is an invalid event, which is sent anew through the front door');
    const event = await scope.codec.decode('Event', record.value);
    if (!event.ok) return stays('cannot be read');
    const eventposition = record.headers['hf-position']?.toString() ?? formatPosition(at);
    return leaves(id, null, [factRecord(factOfEvent(event.value, eventposition, at, word), event.value, { word, scope })]);
  }
  const dead = await scope.codec.decode('Delivery', record.value);
  if (!dead.ok) return stays('cannot be read');
  const { destination, event } = dead.value;
  const fact = factRecord(factOfDelivery(dead.value, at, word), event, { word, scope });
  if (word.as === 'discard' || word.as === 'delivered') return leaves(id, destination, [fact]);
  if (!scope.destinations.has(destination)) return stays('has a destination that is no longer configured');
  const again: OutRecord = {
    topic: scope.topics.deliveries(destination),
    key: event.subject,
    value: scope.codec.encode('Delivery', requeuedDelivery(dead.value, word)),
    headers: headersOf(event),
  };
  return leaves(id, destination, [again, fact]);
}

/** Who commands, told to themselves: what has left, how far the set is looked at, and the end. */
export const progressRecord = (command: Command, { codec, topics }: Pick<DepartureScope, 'codec' | 'topics'>): OutRecord => ({
  topic: topics.commands,
  partition: 0,
  key: command.id,
  value: codec.encode('Command', command),
  headers: { 'correlation-id': command.id },
});

const leaves = (id: string, destination: string | null, records: readonly OutRecord[]): Departure => ({
  kind: 'leaves',
  id,
  destination,
  records,
  bytes: records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
});

const factRecord = (fact: Fact, event: HoldfastEvent, { word, scope }: { word: Word; scope: DepartureScope }): OutRecord => ({
  topic: scope.topics.ledger,
  key: fact.id,
  value: scope.codec.encode('Fact', fact),
  headers: { ...headersOf(event), [OPERATION_HEADER]: word.operation },
});

function headersOf(event: HoldfastEvent): Record<string, string> {
  const { id, type, source, correlationid, traceparent } = event;
  const headers = { ce_id: id, ce_type: type, ce_source: source, 'correlation-id': correlationid };
  return traceparent === null ? headers : { ...headers, traceparent };
}
