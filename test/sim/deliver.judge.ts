import type { Codec } from '#libs/contracts/src/index.js';
import type { UnknownRule } from '#libs/delivery/src/index.js';
import type { Delivery, Fact, TopicNames } from '#libs/domain/src/index.js';
import type { LogRecord, MemoryLog } from '#libs/kafka/src/index.js';

export type Run = Readonly<{
  codec: Codec;
  log: MemoryLog;
  topics: TopicNames;
  destination: string;
  tiers: readonly Readonly<{ name: string; delayMs: number }>[];
  rule: UnknownRule;
  deliveries: readonly Delivery[];
  effects: ReadonlyMap<string, number>;
}>;

/** An end of a delivery: not a retry, nor a place in the parked topic. */
export const isFinal = ({ fact, tier }: Fact): boolean => fact !== 'attempted' && tier !== 'parked';

/** On ordered routes an entity's deliveries take effect in the order of their events, over every effect; null when they did. */
export function judgeOrder(deliveries: readonly Delivery[], inOrder: readonly string[]): string | null {
  const places = new Map(deliveries.map((delivery, place) => [delivery.id, { place, entity: delivery.event.subject, delivery }]));
  const last = new Map<string, number>();
  for (const id of inOrder) {
    const { place, entity, delivery } = places.get(id)!;
    if (delivery.ordering === 'unordered') continue;
    if (place < (last.get(entity) ?? -1)) return `${id} of ${entity} took effect after ${deliveries[last.get(entity)!]!.id}`;
    last.set(entity, place);
  }
  return null;
}

/**
 * The invariants over the log and the partner's own books; null when all hold.
 *
 * Each position is settled once · each delivery ends once · what is settled as delivered took effect · `idempotency-key` and
 * `lookup`: one effect at most · whatever took effect twice says so · a dead letter that may have taken effect says so ·
 * no retry is early · no attempt beyond the budget.
 */
export function judgeDeliveries(run: Run): string | null {
  const facts = run.log.records(run.topics.ledger).map((record) => read(run.codec, 'Fact', record));
  const twice = repeated(facts.map(({ position }) => position));
  if (twice) return `${twice} was settled twice`;
  const finals = facts.filter(isFinal);
  const endedTwice = repeated(finals.map(({ delivery }) => delivery ?? ''));
  if (endedTwice) return `${endedTwice} ended twice`;
  for (const { id } of run.deliveries) {
    const end = finals.find(({ delivery }) => delivery === id);
    const wrong = end ? judgeOne(id, end, run) : `${id} has no end`;
    if (wrong) return wrong;
  }
  return earlyRetry(run);
}

function judgeOne(id: string, end: Fact, { effects, rule, log, codec, topics, tiers }: Run): string | null {
  const count = effects.get(id) ?? 0;
  const says = end.verdict ?? end.fact;
  if (count > 1 && (rule === 'idempotency-key' || rule === 'lookup')) return `${count} effects of ${id} at the partner, which says ${says}`;
  if ((end.attempt ?? 0) > tiers.length + 1) return `${id} spent ${end.attempt} attempts of ${tiers.length + 1}`;
  if (says === 'superseded') return null;
  if (end.fact === 'settled') {
    if (count === 0) return `${id} is settled as delivered and never took effect (lost)`;
    return count > 1 && says !== 'delivered-maybe-twice' ? `${id} took effect ${count} times and says ${says}` : null;
  }
  const letter = log
    .records(topics.dlq)
    .map((record) => read(codec, 'Delivery', record))
    .find((one) => one.id === id);
  if (!letter) return `${id} is ${says} and stands in no dead letter`;
  return count > 0 && !letter.doubtful && !letter.maybetwice ? `${id} took effect and its dead letter has no doubt` : null;
}

/** A delay line gives a record back, whole and under the same hop, once its tier has passed since it was appended. */
function earlyRetry({ log, codec, topics, destination, tiers }: Run): string | null {
  const returned = new Map<string, LogRecord>();
  for (const record of log.records(topics.deliveries(destination))) {
    const { id, hop } = read(codec, 'Delivery', record);
    if (returned.has(`${id}#${hop}`)) return `${id} came back twice with hop ${hop}`;
    returned.set(`${id}#${hop}`, record);
  }
  for (const { name, delayMs } of tiers) {
    for (const record of log.records(topics.retry(name))) {
      const { id, hop } = read(codec, 'Delivery', record);
      const back = returned.get(`${id}#${hop}`);
      if (!back) return `${id} did not come back from the delay line ${name}`;
      if (back.timestampMs < record.timestampMs + delayMs)
        return `${id} came back ${record.timestampMs + delayMs - back.timestampMs} ms early`;
    }
  }
  return null;
}

function repeated(values: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) return value;
    seen.add(value);
  }
  return null;
}

function read<K extends 'Delivery' | 'Fact'>(codec: Codec, kind: K, record: LogRecord) {
  const decoded = codec.decodeSync(kind, record.value!);
  if (!decoded.ok) throw new Error(`${kind} at ${record.topic}/${record.offset}: ${decoded.code}`);
  return decoded.value;
}
