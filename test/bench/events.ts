import type { Codec } from '#libs/contracts/src/index.js';
import type { Produced } from '#libs/testkit/src/index.js';

/** As in the measured limits of the design: about 700 bytes of JSON, 500 entities. */
const BODY_BYTES = 700;
const ENTITIES = 500;

const filler = 'x'.repeat(BODY_BYTES - 80);

export type BenchEvent = Readonly<{ id: string; entity: string; body: Buffer }>;

/** Distinct events; `tag` keeps runs apart. */
export function benchEvents(tag: string, count: number): BenchEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `${tag}-${i}`;
    const entity = `o-${i % ENTITIES}`;
    return {
      id,
      entity,
      body: Buffer.from(JSON.stringify({ type: 'order.updated', id, entity, revision: Math.floor(i / ENTITIES) + 1, filler })),
    };
  });
}

/** As the bare loop takes them: the body alone, the id in a header. */
export const asBareRecord = ({ id, entity, body }: BenchEvent): Produced => ({ key: entity, value: body, headers: { ce_id: id } });

/** As they stand in `hf.events`, written there without the door. */
export function asEventRecord(codec: Codec, { id, entity, body }: BenchEvent): Produced {
  const value = codec.encode('Event', {
    id,
    source: 'shop',
    type: 'order.updated',
    subject: entity,
    time: null,
    datacontenttype: 'application/json',
    dataschema: null,
    data: body,
    correlationid: id,
    traceparent: null,
    revision: null,
    schemaversion: null,
    receivedat: Date.now(),
    idempotencykey: id,
    origin: null,
    attributes: {},
    faults: [],
  });
  return { key: entity, value, headers: { ce_id: id, ce_type: 'order.updated', ce_source: 'shop', 'correlation-id': id } };
}
