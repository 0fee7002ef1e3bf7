import { formatPosition, type HoldfastEvent } from '#libs/domain/src/index.js';
import { LogError, type Lease, type LogRecord, type OutRecord, type Owner, type PartitionLog } from '#libs/kafka/src/index.js';
import { readTraceparent, wellFormedCorrelationId } from './decide-correlation.js';
import { decideEnvelope, ID_MAX_CHARS } from './decide-envelope.js';
import { withoutBody } from './decide-too-large.js';
import { eventRecord } from './ingest.pipeline.js';
import type { CopyPorts, DecodedRecord, TopicSource } from './ingest.ports.js';

const CHUNK_MAX_RECORDS = 500;
const READ_WAIT_MS = 500;
const WAIT_FIRST_MS = 250;
const WAIT_MAX_MS = 5_000;

/**
 * Copies one partition of a producer's topic into `hf.events`, each record once: source → decide → act and record, in one
 * transaction with the offset.
 *
 * Crash    anywhere: what was not committed is read again by the next owner, and what was aborted nobody reads.
 * Errors   of the log are thrown: the source begins this work again after a backoff, with a new fence (rule 3). `fenced` ends
 *          it: another owner has the partition. A registry that is down is waited for; a record that cannot be read is not.
 */
export async function copyPartition(log: PartitionLog, lease: Lease, source: TopicSource, ports: CopyPorts): Promise<void> {
  // 1 · Source: own the partition, then read from what stands committed.
  const owner = ports.owner(log);
  let { offset } = await owner.acquire();
  while (!lease.revoked.aborted) {
    const chunk = await log.read(offset, { records: CHUNK_MAX_RECORDS, waitMs: READ_WAIT_MS }, lease.revoked);
    if (chunk.records.length > 0) {
      const startedMs = ports.clock.monotonicMs();
      // 2 · Decode and decide. Null: revoked while the registry was down.
      const decoded = await decodeAll(chunk.records, { source, ports, revoked: lease.revoked });
      if (decoded === null) return;
      const { incarnation } = owner.current();
      const events = chunk.records.map((record, at) => eventOf(record, decoded[at]!, { source, ports, incarnation }));
      // 3 · Act and record: the events and the offset, in one transaction a batch.
      await settleAll(chunk.records, events, { owner, ports, nextOffset: chunk.nextOffset });
      tell(events, { source, ports, partition: log.partition, offset: chunk.nextOffset, tookMs: ports.clock.monotonicMs() - startedMs });
    }
    offset = chunk.nextOffset;
  }
}

type Copying = Readonly<{ source: TopicSource; ports: CopyPorts }>;

async function decodeAll(
  records: readonly LogRecord[],
  { source, ports, revoked }: Copying & { revoked: AbortSignal },
): Promise<DecodedRecord[] | null> {
  const partition = records[0]!.partition;
  for (let waitMs = WAIT_FIRST_MS; !revoked.aborted; waitMs = Math.min(waitMs * 2, WAIT_MAX_MS)) {
    try {
      const decoded = await Promise.all(records.map((record) => source.decoder.decode(record)));
      if (waitMs > WAIT_FIRST_MS) ports.telling.waiting(source.name, partition, null);
      return decoded;
    } catch (error) {
      if (!(error instanceof Error) || (error as { retryable?: unknown }).retryable !== true) throw error;
      ports.telling.waiting(source.name, partition, error);
      await ports.clock.sleep(waitMs, revoked);
    }
  }
  return null;
}

function eventOf(
  record: LogRecord,
  decoded: DecodedRecord,
  { source, ports, incarnation }: Copying & { incarnation: string },
): HoldfastEvent {
  const { headers } = decoded;
  const correlationId = [headers['correlation-id'], headers['x-correlation-id'], headers['ce_correlationid']].find(wellFormedCorrelationId);
  return decideEnvelope(
    source.envelope,
    {
      place: { value: decoded.value, header: (name) => headers[name] },
      body: decoded.body,
      fault: decoded.fault,
      contentType: decoded.contentType,
      correlationId: correlationId ?? ports.naming.correlationId(),
      traceparent: readTraceparent(headers['traceparent'] ?? headers['ce_traceparent']) ?? ports.naming.traceparent(),
      spareId: idByPosition(record, incarnation, ports.naming.hash),
      spareEntity: decoded.spareEntity,
      receivedAtMs: ports.clock.nowMs(),
      origin: formatPosition(record),
      dataschema: decoded.dataschema,
      schemaversion: decoded.schemaversion,
      attributes: decoded.attributes,
    },
    ports.naming.hash,
  );
}

/** The same record has the same id however often it is read (rule 11); a topic that was made anew has others (rule 5). */
function idByPosition({ topic, partition, offset }: LogRecord, incarnation: string, hash: (text: string) => string): string {
  const id = `${topic}-${partition}-${offset}-${incarnation.slice(0, 8)}`;
  return id.length <= ID_MAX_CHARS ? id : hash(id);
}

type Settling = Readonly<{ owner: Owner; ports: CopyPorts; nextOffset: number }>;

/** Cut by bytes beforehand, so that halving stays the exception. The offset follows the last record of each cut. */
async function settleAll(records: readonly LogRecord[], events: readonly HoldfastEvent[], settling: Settling): Promise<void> {
  const { ports, nextOffset } = settling;
  const out = events.map((event) => eventRecord(event, ports));
  let from = 0;
  while (from < out.length) {
    let to = from + 1;
    let bytes = sizeOf(out[from]!);
    while (to < out.length && (bytes += sizeOf(out[to]!)) <= ports.batchMaxBytes) to++;
    const behind = to < out.length ? records[to]!.offset : nextOffset;
    await settleHalving(
      { out: out.slice(from, to), events: events.slice(from, to), records: records.slice(from, to) },
      { ...settling, nextOffset: behind },
    );
    from = to;
  }
}

const sizeOf = ({ value }: OutRecord): number => value?.length ?? 0;

type Cut = Readonly<{ out: readonly OutRecord[]; events: readonly HoldfastEvent[]; records: readonly LogRecord[] }>;

/** Rule 8: a batch that is too large is halved until one record stands alone, which goes on by its digest. */
async function settleHalving({ out, events, records }: Cut, settling: Settling): Promise<void> {
  const { owner, ports, nextOffset } = settling;
  try {
    await owner.settle({ records: out, offset: nextOffset, settled: [] });
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'too-large') throw error;
    const half = out.length >> 1;
    if (half === 0) {
      const small = eventRecord(withoutBody(events[0]!, ports.naming.hash), ports);
      return owner.settle({ records: [small], offset: nextOffset, settled: [] });
    }
    const first = { out: out.slice(0, half), events: events.slice(0, half), records: records.slice(0, half) };
    await settleHalving(first, { ...settling, nextOffset: records[half]!.offset });
    await settleHalving({ out: out.slice(half), events: events.slice(half), records: records.slice(half) }, settling);
  }
}

function tell(events: readonly HoldfastEvent[], line: Copying & { partition: number; offset: number; tookMs: number }): void {
  const { source, ports, partition, offset, tookMs } = line;
  for (const { type } of events) ports.telling.received(source.name, type);
  const faulty = events.filter(({ faults }) => faults.length > 0).length;
  ports.telling.copied({ source: source.name, partition, records: events.length, faulty, offset, tookMs });
}
