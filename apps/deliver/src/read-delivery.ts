import type { Codec } from '#libs/contracts/src/index.js';
import type { Delivery } from '#libs/domain/src/index.js';
import type { LogRecord } from '#libs/kafka/src/index.js';

export type ReadDelivery = Readonly<{ ok: true; value: Delivery }> | Readonly<{ ok: false; code: string; message: string }>;

/** A record's value as a delivery. Waits only for a schema that was never seen. A broken registry is thrown. */
export function readDelivery(record: LogRecord, codec: Codec): ReadDelivery | Promise<ReadDelivery> {
  if (record.value === null) return { ok: false, code: 'empty', message: 'the record has no value' };
  const decoded = codec.decodeSync('Delivery', record.value);
  if (decoded.ok || decoded.code !== 'need-schema') return decoded;
  return codec.decode('Delivery', record.value);
}
