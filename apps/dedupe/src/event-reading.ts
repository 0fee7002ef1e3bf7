import type { Codec } from '#libs/contracts/src/index.js';
import type { Fault, HoldfastEvent } from '#libs/domain/src/index.js';
import { formatPosition } from '#libs/domain/src/index.js';
import { claimKey } from '#libs/identity/src/index.js';
import type { LogRecord } from '#libs/kafka/src/index.js';
import { decideFaults } from './decide-verdict.js';

/** A record of the event log with what stands in it. `asItStands`: the record's bytes say what `event` says. */
export type ReadEvent = Readonly<{ record: LogRecord; event: HoldfastEvent; faults: readonly Fault[]; asItStands: boolean }>;

/**
 * Decodes a batch, asking the registry once for each schema id that is new. A record that cannot be read becomes an event with a
 * fault, its bytes kept as they are: it is judged like any other, so it is neither skipped nor in the way.
 * Errors: RegistryError, when it is not known yet whether a record can be read.
 */
export async function readEvents(codec: Pick<Codec, 'decodeSync' | 'learn'>, records: readonly LogRecord[]): Promise<ReadEvent[]> {
  const events: ReadEvent[] = [];
  for (const record of records) {
    let read = record.value ? codec.decodeSync('Event', record.value) : noValue;
    if (!read.ok && read.code === 'need-schema') {
      const known = await codec.learn(read.schemaId);
      const { schemaId } = read;
      read = codec.decodeSync('Event', record.value!);
      if (!read.ok && read.code === 'need-schema')
        read = {
          ok: false,
          code: 'unknown-schema',
          message: `the registry ${known ? 'has just forgotten' : 'knows no'} schema ${schemaId}`,
        };
    }
    if (read.ok) events.push({ record, event: read.value, faults: decideFaults(read.value), asItStands: true });
    else events.push(unreadable(record, { pointer: '', code: read.code, message: read.message }));
  }
  return events;
}

const noValue = { ok: false, code: 'truncated', message: 'the record has no value' } as const;

/** Everything here follows from the record, so reading it again gives the same. The headers may still tell who sent it. */
function unreadable(record: LogRecord, fault: Fault): ReadEvent {
  const position = formatPosition(record);
  const header = (name: string): string | null => record.headers[name]?.toString('utf8').slice(0, headerMax) ?? null;
  const id = header('ce_id') ?? `unreadable-${claimKey(position)}`;
  const faults = [fault];
  const event: HoldfastEvent = {
    id,
    source: header('ce_source') ?? '',
    type: header('ce_type') ?? '',
    subject: record.key?.toString('utf8').slice(0, headerMax) || id,
    time: null,
    datacontenttype: 'application/octet-stream',
    dataschema: null,
    data: record.value ?? Buffer.alloc(0),
    correlationid: header('correlation-id') ?? id,
    traceparent: header('traceparent'),
    revision: null,
    schemaversion: null,
    receivedat: record.timestampMs,
    idempotencykey: id,
    origin: position,
    attributes: {},
    faults,
  };
  return { record, event, faults, asItStands: false };
}

const headerMax = 256;
