import {
  formatPosition,
  parsePosition,
  type Delivery,
  type Fact,
  type GroupNames,
  type HoldfastEvent,
  type TopicNames,
} from '#libs/domain/src/index.js';
import { DURATION, durationMs } from '#libs/config/src/index.js';
import type { Codec } from '#libs/contracts/src/index.js';
import { partitionOfKey, type LogCluster, type LogRecord } from '#libs/kafka/src/index.js';
import type { DeliveryTrace } from './destination.fold.js';
import { readPassed, type Passed } from './passed-offsets.js';
import { offsetSince, recordAt, scanPartition, type ScanProgress } from './log-scan.js';
import type { ReceivedEvent } from './timeline.fold.js';
import { foldHistories, type EventHistory } from './verdict.fold.js';

export type EvidencePorts = Readonly<{
  cluster: Pick<LogCluster, 'reader' | 'partitions' | 'committed'>;
  codec: Pick<Codec, 'decode'>;
  names: TopicNames;
  groups: GroupNames;
  onProgress?: (progress: ScanProgress) => void;
}>;

export type EvidenceQuery = Readonly<{
  /** An event id or a correlation id. */
  id: string;
  /** Nothing that was appended before (ms since the epoch) is looked at; null: everything that retention has left. */
  sinceMs: number | null;
  /** Reads all of `hf.events`, too, and not only what dedupe has not judged yet: finds a lost event beside a judged one of the same id. */
  isFull: boolean;
}>;

export type Proof = Readonly<{
  histories: readonly EventHistory[];
  /** The events that duplicates double, by position; null where retention has taken it. */
  doubled: Readonly<Record<string, { id: string; correlationid: string } | null>>;
  /** What stood in the way of a complete answer, in sentences. */
  notes: readonly string[];
}>;

/** Clocks of apps and brokers may differ by this much where a fact's time narrows a scan. */
const SKEW_MS = 600_000;

/**
 * Reads from Kafka alone what became of an event.
 *
 * Order matters: facts are read, then committed offsets, then the rest of the facts and the records. So what a committed
 * offset has passed is looked for *after* it was committed, and `lost` is never a race.
 */
export class EvidenceReader {
  private readonly notes = new Set<string>();

  constructor(private readonly ports: EvidencePorts) {}

  async prove(query: EvidenceQuery): Promise<Proof> {
    const first = await this.factsOf(query, new Map());
    const passed = await this.passedBy(first.facts);
    const later = await this.factsOf(query, first.ends);
    const facts = [...first.facts, ...later.facts];
    const received = await this.receivedEvents(query, facts, passed);
    const known = foldHistories({ received, facts, traces: [], passed: () => null });
    const traces = await this.tracesOf(known, facts);
    const histories = foldHistories({ received, facts, traces, passed: (position) => passed.has(position) });
    return { histories, doubled: await this.doubledBy(histories), notes: [...this.notes] };
  }

  /** An event id lies in one partition; only an id that is not found there costs a scan of all. */
  private async factsOf(
    { id, sinceMs }: EvidenceQuery,
    begins: Map<number, number>,
  ): Promise<{ facts: Fact[]; ends: Map<number, number> }> {
    const { ledger } = this.ports.names;
    const partitions = await this.partitionsOf(ledger);
    const home = partitions > 0 ? partitionOfKey(id, partitions) : -1;
    const order = [home, ...Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => partition !== home)];
    const facts: Fact[] = [];
    const ends = new Map<number, number>();
    const isAgain = begins.size > 0;
    for (const partition of order) {
      if (partition < 0 || (isAgain && !begins.has(partition))) continue;
      const end = await this.scan({ topic: ledger, partition, sinceMs, from: begins.get(partition) }, async (record) => {
        if (!isAbout(record, id)) return;
        const fact = await this.decode('Fact', record);
        if (fact) facts.push(fact);
      });
      ends.set(partition, end);
      if (!isAgain && facts.some((fact) => fact.id === id)) break;
    }
    const ofEvent = facts.filter((fact) => fact.id === id);
    return { facts: ofEvent.length > 0 ? ofEvent : facts.filter((fact) => fact.correlationid === id), ends };
  }

  private async passedBy(facts: readonly Fact[]): Promise<Passed> {
    const { names, groups, cluster } = this.ports;
    const destinations = new Set(facts.flatMap((fact) => [...fact.destinations, ...(fact.destination ? [fact.destination] : [])]));
    const tiers = new Set(facts.flatMap((fact) => (fact.tier ? [fact.tier] : [])));
    const parked = new Set(facts.flatMap((fact) => (fact.tier === 'parked' && fact.destination ? [fact.destination] : [])));
    const readers = [
      { group: groups.dedupe, topic: names.events },
      ...[...destinations].map((name) => ({ group: groups.deliver(name), topic: names.deliveries(name) })),
      ...[...tiers].filter((tier) => tier !== 'parked').map((tier) => ({ group: groups.delayLine(tier), topic: names.retry(tier) })),
      ...[...parked].map((name) => ({ group: groups.deliver(name), topic: names.parked(name) })),
    ];
    return readPassed(
      cluster,
      await Promise.all(readers.map(async (reader) => ({ ...reader, partitions: await this.partitionsOf(reader.topic) }))),
    );
  }

  private async receivedEvents(query: EvidenceQuery, facts: readonly Fact[], passed: Passed): Promise<ReceivedEvent[]> {
    const { events } = this.ports.names;
    const found = new Map<string, HoldfastEvent>();
    for (const position of new Set(facts.map((fact) => fact.eventposition))) {
      const event = await this.eventAt(position);
      if (event) found.set(position, event);
    }
    const isWhole = query.isFull || facts.length === 0;
    for (let partition = 0; partition < (await this.partitionsOf(events)); partition++) {
      const from = isWhole ? undefined : (passed.next(events, partition) ?? undefined);
      await this.scan({ topic: events, partition, sinceMs: query.sinceMs, from }, async (record) => {
        if (!isAbout(record, query.id, 'headers')) return;
        const event = await this.decode('Event', record);
        if (event && (event.id === query.id || event.correlationid === query.id)) found.set(formatPosition(record), event);
      });
    }
    return [...found].map(([position, event]) => ({ position, event }));
  }

  /** Where deliveries stand that have not ended: each room is looked at once for all of them. */
  private async tracesOf(histories: readonly EventHistory[], facts: readonly Fact[]): Promise<DeliveryTrace[]> {
    const { names } = this.ports;
    const traces: DeliveryTrace[] = [];
    for (const history of histories) {
      const { position, entity } = history.event;
      const own = facts.filter((fact) => fact.eventposition === position);
      const sinceMs = Math.min(...own.map((fact) => fact.at)) - SKEW_MS;
      for (const [destination, { verdict }] of Object.entries(history.verdicts)) {
        const tiers = new Set(own.flatMap((fact) => (fact.destination === destination && fact.tier ? [fact.tier] : [])));
        const waits = [
          ...[...tiers]
            .filter((tier) => tier !== 'parked')
            .map((tier) => ({ topic: names.retry(tier), room: 'delay-line' as const, delayMs: delayOf(tier) })),
          { topic: names.parked(destination), room: 'parked' as const, delayMs: null },
          { topic: names.deliveries(destination), room: 'queue' as const, delayMs: null },
        ];
        const dead = { topic: names.dlq, room: 'dlq' as const, delayMs: null };
        const rooms = verdict === 'waiting' ? [...waits, dead] : verdict === 'dead-lettered' ? [dead] : [];
        for (const room of rooms) traces.push(...(await this.tracesIn(room, { position, entity, destination, sinceMs })));
      }
    }
    return traces;
  }

  private async tracesIn(
    room: Readonly<{ topic: string; room: DeliveryTrace['room']; delayMs: number | null }>,
    of: Readonly<{ position: string; entity: string | null; destination: string; sinceMs: number }>,
  ): Promise<DeliveryTrace[]> {
    const traces: DeliveryTrace[] = [];
    const partitions = await this.partitionsOf(room.topic, room.room === 'parked');
    // Without the event the entity is not known, and with it the partition: then all are looked at.
    const chosen =
      of.entity === null || partitions === 0
        ? Array.from({ length: partitions }, (_, each) => each)
        : [partitionOfKey(of.entity, partitions)];
    for (const partition of chosen) {
      await this.scan({ topic: room.topic, partition, sinceMs: of.sinceMs }, async (record) => {
        if (of.entity !== null && record.key && record.key.toString() !== of.entity) return;
        const delivery = await this.decode('Delivery', record);
        if (delivery?.eventposition !== of.position || delivery.destination !== of.destination) return;
        traces.push(traceOf(delivery, record, room));
      });
    }
    return traces;
  }

  private async doubledBy(histories: readonly EventHistory[]): Promise<Proof['doubled']> {
    const doubled: Record<string, { id: string; correlationid: string } | null> = {};
    for (const { duplicateof } of histories) {
      if (duplicateof === null || duplicateof in doubled) continue;
      const event = await this.eventAt(duplicateof);
      doubled[duplicateof] = event && { id: event.id, correlationid: event.correlationid };
    }
    return doubled;
  }

  private async eventAt(text: string): Promise<HoldfastEvent | null> {
    const position = parsePosition(text);
    if (!position || position.partition >= (await this.partitionsOf(position.topic))) return null;
    const record = await recordAt(this.ports.cluster.reader(position.topic, position.partition), position.offset);
    if (record) return this.decode('Event', record);
    this.notes.add(`${text} is no longer in the event log (retention), so its body and entity are not known`);
    return null;
  }

  private async scan(
    where: Readonly<{ topic: string; partition: number; sinceMs: number | null; from?: number }>,
    see: (record: LogRecord) => Promise<void>,
  ): Promise<number> {
    const reader = this.ports.cluster.reader(where.topic, where.partition);
    const bounds = await reader.bounds();
    const since = where.from ?? (await offsetSince(reader, bounds, where.sinceMs));
    const from = Math.max(since, bounds.startOffset);
    return scanPartition(reader, { from, to: bounds.endOffset }, see, this.ports.onProgress);
  }

  private async partitionsOf(topic: string, isOptional = false): Promise<number> {
    const partitions = await this.ports.cluster.partitions(topic);
    if (partitions === null && !isOptional) this.notes.add(`topic ${topic} does not exist; "holdfast topics apply" makes it`);
    return partitions ?? 0;
  }

  private decode(kind: 'Fact', record: LogRecord): Promise<Fact | null>;
  private decode(kind: 'Event', record: LogRecord): Promise<HoldfastEvent | null>;
  private decode(kind: 'Delivery', record: LogRecord): Promise<Delivery | null>;
  private async decode(kind: 'Fact' | 'Event' | 'Delivery', record: LogRecord): Promise<Fact | HoldfastEvent | Delivery | null> {
    if (!record.value) return null;
    const decoded = await this.ports.codec.decode(kind, record.value);
    if (decoded.ok) return decoded.value;
    this.notes.add(`${formatPosition(record)} cannot be read (${decoded.code}): ${decoded.message}`);
    return null;
  }
}

/** Every record of ours says in its headers which event it is about, so a scan decodes only what it keeps. */
function isAbout({ key, headers }: LogRecord, id: string, where: 'headers' | 'key-too' = 'key-too'): boolean {
  if (where === 'key-too' && key?.toString() === id) return true;
  return headers['ce_id']?.toString() === id || headers['correlation-id']?.toString() === id;
}

const traceOf = (
  delivery: Delivery,
  record: LogRecord,
  { room, delayMs }: { room: DeliveryTrace['room']; delayMs: number | null },
): DeliveryTrace => ({
  delivery: delivery.id,
  destination: delivery.destination,
  eventposition: delivery.eventposition,
  hop: delivery.hop,
  attempt: delivery.attempt,
  room,
  position: formatPosition(record),
  appendedat: record.timestampMs,
  until: delayMs === null ? null : record.timestampMs + delayMs,
  reason: delivery.reason,
  class: delivery.class,
});

/** A tier's name is its duration (`30s`); null for one that is not. */
const delayOf = (tier: string): number | null => (DURATION.test(tier) ? durationMs(tier) : null);
