/** What is wrong with one place of an event. `pointer` is a JSON Pointer (RFC 6901), '' for the body as a whole. */
export type Fault = Readonly<{ pointer: string; code: string; message: string }>;

/**
 * The envelope of `hf.events` (Avro `holdfast.Event`). Field names are CloudEvents' and ours in one case, so that
 * what is decoded is what is used, without a mapping.
 *
 * Units   `time` and `receivedat` are milliseconds since the epoch.
 */
export type HoldfastEvent = {
  id: string;
  source: string;
  /** '' when the sender named none; such an event is `invalid`. */
  type: string;
  /** The entity; the record's key and so its order. The event id where the source names no entity. */
  subject: string;
  time: number | null;
  datacontenttype: string | null;
  dataschema: string | null;
  /** The body exactly as received. */
  data: Buffer;
  correlationid: string;
  traceparent: string | null;
  revision: string | null;
  schemaversion: string | null;
  receivedat: number;
  /** What dedupe claims: determines the entity (rule 15). Scoped by type, computed at the door. */
  idempotencykey: string;
  /** Where a producer's record stood (`topic/partition/offset`); null for a webhook. */
  origin: string | null;
  /** Kept beside the body: CloudEvents extensions and the like; bounded. */
  attributes: Record<string, string>;
  /** Found at the door or by validation; judged by dedupe. Empty for a good event. */
  faults: Fault[];
};
