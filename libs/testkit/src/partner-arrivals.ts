/** How a request that arrived ended, from the partner's side. */
export type ArrivalEnd = 'stored' | 'replayed' | 'refused' | 'found' | 'not-found' | 'hung' | 'reset' | 'open';

/** One request that arrived, whether it took effect or not. */
export type Arrival = {
  /** ms since the epoch, with fractions. */
  at: number;
  method: string;
  path: string;
  eventId: string | null;
  entity: string | null;
  revision: string | null;
  attempt: number | null;
  key: string | null;
  /** The status that was answered; null when nothing was (yet). */
  status: number | null;
  end: ArrivalEnd;
  /** Effects that stand through this request: 1, 0, or the items of a bulk. */
  stored: number;
  rule: string | null;
};

export type ArrivalCounters = {
  requests: number;
  lookups: number;
  refused: number;
  replayed: number;
  hung: number;
  reset: number;
  /** Requests under way now, and the most there ever were. */
  inFlight: number;
  inFlightMax: number;
  /** Requests that arrived while another one for the same entity and path was under way. */
  overlaps: number;
  byStatus: Record<string, number>;
};

const none = (): ArrivalCounters => ({
  requests: 0,
  lookups: 0,
  refused: 0,
  replayed: 0,
  hung: 0,
  reset: 0,
  inFlight: 0,
  inFlightMax: 0,
  overlaps: 0,
  byStatus: {},
});

/** The newest arrivals (a ring of `arrivalsMax`), and counters over all of them. */
export class PartnerArrivals {
  private readonly ring: Arrival[] = [];
  private next = 0;
  private readonly underWay = new Map<string, number>();
  counters = none();

  constructor(private readonly arrivalsMax: number) {}

  open(arrival: Arrival): void {
    const { counters } = this;
    counters.requests += 1;
    if (arrival.method === 'GET') counters.lookups += 1;
    counters.inFlight += 1;
    if (counters.inFlight > counters.inFlightMax) counters.inFlightMax = counters.inFlight;
    if (arrival.entity !== null && arrival.method !== 'GET') this.enter(lane(arrival));
    if (this.ring.length < this.arrivalsMax) this.ring.push(arrival);
    else {
      this.ring[this.next] = arrival;
      this.next = (this.next + 1) % this.arrivalsMax;
    }
  }

  /** Called once for each opened arrival, when its end stands. */
  close(arrival: Arrival): void {
    const { counters } = this;
    counters.inFlight -= 1;
    if (arrival.entity !== null && arrival.method !== 'GET') this.leave(lane(arrival));
    if (arrival.status !== null) counters.byStatus[arrival.status] = (counters.byStatus[arrival.status] ?? 0) + 1;
    if (arrival.end === 'refused') counters.refused += 1;
    else if (arrival.end === 'replayed') counters.replayed += 1;
    else if (arrival.end === 'hung') counters.hung += 1;
    else if (arrival.end === 'reset') counters.reset += 1;
  }

  newest(count: number): Arrival[] {
    const { length } = this.ring;
    const wanted = Math.min(count, length);
    return Array.from({ length: wanted }, (_, i) => this.ring[(this.next + length - wanted + i) % length]!);
  }

  /** Oldest first, of those still in the ring. */
  of(eventId: string): Arrival[] {
    return this.newest(this.arrivalsMax).filter((arrival) => arrival.eventId === eventId);
  }

  reset(): void {
    this.ring.length = 0;
    this.next = 0;
    const { inFlight } = this.counters;
    this.counters = { ...none(), inFlight };
  }

  private enter(name: string): void {
    const count = this.underWay.get(name) ?? 0;
    if (count > 0) this.counters.overlaps += 1;
    this.underWay.set(name, count + 1);
  }

  private leave(name: string): void {
    const count = this.underWay.get(name) ?? 1;
    if (count > 1) this.underWay.set(name, count - 1);
    else this.underWay.delete(name);
  }
}

const lane = ({ entity, path }: Arrival): string => `${entity} ${path}`;
