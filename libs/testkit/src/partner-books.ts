import { PartnerArrivals, type Arrival, type ArrivalCounters } from './partner-arrivals.js';
import { PartnerKeys, type IdempotencySetting } from './partner-keys.js';
import { partnerRuleSchema, type PartnerRule } from './partner-rule.js';
import { PartnerScript } from './partner-script.js';
import { PartnerStore, type Double, type StoreCounters, type StoredRecord } from './partner-store.js';
import { seededRandom } from './seeded-random.js';

export type PartnerOptions = Readonly<{
  /** 0 (the default) takes a free one. */
  port?: number;
  host?: string;
  /** Of all shares and random latencies; default 1. */
  seed?: number;
  rules?: readonly PartnerRule[];
  /** JSON Pointers into the request body. Without `entity`, the last segment of the path is the entity. */
  pointers?: Readonly<{ entity?: string; revision?: string }>;
  idempotency?: Partial<IdempotencySetting>;
  /** Records, keys and entities kept; the counters go on. Default 200,000. */
  storedMax?: number;
  /** Default 20,000. */
  arrivalsMax?: number;
  /** Larger requests get 413. Default 64 MiB. */
  bodyMax?: number;
  /** 401 unless it says that this bearer token is good (null: the request had none). Asked of every request but lookups' admin. */
  bearer?: (token: string | null) => boolean | Promise<boolean>;
  /** Served over TLS; with `requestCert` only to who shows a certificate that `ca` signed. */
  tls?: Readonly<{ key: string; cert: string; ca?: string; requestCert?: boolean }>;
  /** Called when a request has ended. */
  onArrival?: (arrival: Arrival) => void;
}>;

export type PartnerStats = StoreCounters & ArrivalCounters & { keysEvicted: number };

/** A simulated partner without its sockets: its rules, and its books of what arrived and what took effect. */
export class PartnerBooks {
  readonly store: PartnerStore;
  readonly arrivals: PartnerArrivals;
  readonly keys: PartnerKeys;
  readonly script: PartnerScript;
  readonly random: () => number;

  constructor(readonly options: PartnerOptions = {}) {
    const random = seededRandom(options.seed ?? 1);
    this.random = () => random.next();
    this.script = new PartnerScript(this.random);
    this.store = new PartnerStore(options.storedMax ?? 200_000);
    this.arrivals = new PartnerArrivals(options.arrivalsMax ?? 20_000);
    this.keys = new PartnerKeys({ enabled: true, validForMs: 86_400_000, keysMax: 1_000_000, ...options.idempotency });
    this.setRules(options.rules ?? []);
  }

  /** Replaces all rules; their counters and windows begin now. A rule that is not one throws a ZodError that names the field. */
  setRules(rules: readonly unknown[]): void {
    this.script.replace(
      rules.map((rule) => partnerRuleSchema.parse(rule)),
      Date.now(),
    );
  }

  /** Adds a rule behind the others, whose counters and windows go on. */
  addRule(rule: unknown): void {
    this.script.add(partnerRuleSchema.parse(rule), Date.now());
  }

  rules(): readonly PartnerRule[] {
    return this.script.list();
  }

  stats(): PartnerStats {
    return { ...this.store.counters, ...this.arrivals.counters, keysEvicted: this.keys.evicted };
  }

  /** Every effect of an event, over all paths. */
  storedOf(eventId: string): StoredRecord[] {
    return [...this.store.all()].filter((record) => record.eventId === eventId);
  }

  doubles(): Double[] {
    return this.store.doubles();
  }

  /** Forgets what was stored, the keys and the counters; the rules stay. */
  reset(): void {
    this.store.reset();
    this.arrivals.reset();
    this.keys.reset();
  }
}
