/** One effect that stands at the partner: what it really stored, and by which request. */
export type StoredRecord = Readonly<{
  /** 1-based, in the order of storing; it is also the partner's own id of the record. */
  seq: number;
  /** ms since the epoch, with fractions. */
  at: number;
  method: string;
  path: string;
  eventId: string | null;
  correlationId: string | null;
  idempotencyKey: string | null;
  entity: string | null;
  revision: string | null;
  /** `X-Holdfast-Attempt` of the request that took effect. */
  attempt: number | null;
  bytes: number;
  /** SHA-1 of the body, hex. */
  digest: string;
}>;

export type Double = Readonly<{ key: string; count: number }>;

/** What the partner answers to a lookup: the newest state of an entity. */
export type EntityState = { record: StoredRecord; body: Buffer };

export type StoreCounters = {
  stored: number;
  /** Distinct keys among them. */
  unique: number;
  /** Effects beyond the first of their key: the double charges. */
  doubles: number;
  /** Effects with a revision lower than one of the same entity stored before. */
  disordered: number;
};

/**
 * The partner's books, bounded: the newest `storedMax` records and the newest `storedMax` keys stay, the counters go on for ever.
 * A record's key is its event id and path (two destinations on one partner are no doubles); without an event id, its idempotency key.
 */
export class PartnerStore {
  private readonly records: StoredRecord[] = [];
  private readonly counts = new Map<string, number>();
  private readonly entities = new Map<string, EntityState>();
  private readonly external = new Map<string, StoredRecord>();
  private next = 0;
  counters: StoreCounters = { stored: 0, unique: 0, doubles: 0, disordered: 0 };

  constructor(private readonly storedMax: number) {}

  add(fields: Omit<StoredRecord, 'seq'>, body: Buffer): StoredRecord {
    const record: StoredRecord = { seq: ++this.counters.stored, ...fields };
    if (this.records.length < this.storedMax) this.records.push(record);
    else {
      this.records[this.next] = record;
      this.next = (this.next + 1) % this.storedMax;
    }
    this.count(record);
    if (record.entity !== null) this.note(record, body);
    return record;
  }

  private count(record: StoredRecord): void {
    const key = storedKey(record);
    if (key === null) return;
    const count = (this.counts.get(key) ?? 0) + 1;
    bounded(this.counts, this.storedMax).set(key, count);
    if (count > 1) this.counters.doubles += 1;
    else this.counters.unique += 1;
    if (record.eventId !== null) bounded(this.external, this.storedMax).set(record.eventId, record);
  }

  private note(record: StoredRecord, body: Buffer): void {
    const before = this.entities.get(record.entity!);
    if (before && isLower(record.revision, before.record.revision)) {
      this.counters.disordered += 1;
      return;
    }
    bounded(this.entities, this.storedMax).set(record.entity!, { record, body });
  }

  /** Oldest first. */
  *all(): Generator<StoredRecord> {
    for (let i = 0; i < this.records.length; i++) yield this.records[(this.next + i) % this.records.length]!;
  }

  newest(count: number): StoredRecord[] {
    const { length } = this.records;
    const wanted = Math.min(count, length);
    return Array.from({ length: wanted }, (_, i) => this.records[(this.next + length - wanted + i) % length]!);
  }

  entity(entity: string): EntityState | undefined {
    return this.entities.get(entity);
  }

  byEvent(eventId: string): StoredRecord | undefined {
    return this.external.get(eventId);
  }

  timesStored(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  doubles(): Double[] {
    const found: Double[] = [];
    for (const [key, count] of this.counts) if (count > 1) found.push({ key, count });
    return found;
  }

  reset(): void {
    this.records.length = 0;
    this.next = 0;
    this.counts.clear();
    this.entities.clear();
    this.external.clear();
    this.counters = { stored: 0, unique: 0, doubles: 0, disordered: 0 };
  }
}

export const storedKey = ({ eventId, path, idempotencyKey }: Pick<StoredRecord, 'eventId' | 'path' | 'idempotencyKey'>): string | null =>
  eventId !== null ? `${eventId} ${path}` : idempotencyKey;

/** Revisions compare as whole numbers where both are, otherwise as text; without one nothing is said. */
export function isLower(revision: string | null, than: string | null): boolean {
  if (revision === null || than === null) return false;
  const digits = /^\d{1,15}$/;
  return digits.test(revision) && digits.test(than) ? Number(revision) < Number(than) : revision < than;
}

/** Makes room for one more: the entry that came first goes. */
function bounded<K, V>(map: Map<K, V>, max: number): Map<K, V> {
  if (map.size >= max) map.delete(map.keys().next().value as K);
  return map;
}
