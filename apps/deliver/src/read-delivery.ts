import type { Codec } from '#libs/contracts/src/index.js';
import type { Delivery } from '#libs/domain/src/index.js';
import type { Clock, LogRecord } from '#libs/kafka/src/index.js';

export type ReadDelivery = Readonly<{ ok: true; value: Delivery }> | Readonly<{ ok: false; code: string; message: string }>;

/** A record's value as a delivery; null when its schema was never seen. */
export function readAtOnce(record: LogRecord, codec: Codec): ReadDelivery | null {
  if (record.value === null) return { ok: false, code: 'empty', message: 'the record has no value' };
  const decoded = codec.decodeSync('Delivery', record.value);
  return decoded.ok || decoded.code !== 'need-schema' ? decoded : null;
}

/** The same; asks for a schema that was never seen. A broken registry is thrown. */
export const readDelivery = async (record: LogRecord, codec: Codec): Promise<ReadDelivery> =>
  readAtOnce(record, codec) ?? codec.decode('Delivery', record.value!);

/** Waits for a registry that does not answer, and says so. Null: the signal aborts first. */
export async function readPatiently(
  record: LogRecord,
  codec: Codec,
  patience: Readonly<{ clock: Clock; everyMs: number; stop: AbortSignal; waits(why: unknown): void }>,
): Promise<ReadDelivery | null> {
  const { clock, everyMs, stop, waits } = patience;
  for (let hasWaited = false; !stop.aborted; hasWaited = true) {
    try {
      const read = await readDelivery(record, codec);
      if (hasWaited) waits(null);
      return read;
    } catch (error) {
      if (!(error instanceof Error && 'retryable' in error && error.retryable === true)) throw error;
      waits(error);
      await clock.sleep(everyMs, stop);
    }
  }
  return null;
}
