import { LogError, type Bounds, type LogRecord, type PartitionReader } from '#libs/kafka/src/index.js';

export type ScanProgress = Readonly<{ topic: string; partition: number; done: number; total: number }>;
export type Span = Readonly<{ from: number; to: number }>;

/** One read's size and patience: what stands in the log already needs no waiting, markers at its end need a little. */
const READ = { records: 2_000, waitMs: 250 };
/** Below this many records a scan is cheaper than another look-up. */
const SEARCH_STOP_RECORDS = 500;
/** An empty answer this often in a row, before the end that `bounds` named, is a log that does not move. */
const EMPTY_MAX = 40;

/**
 * Every record from `span.from` up to `span.to`, in order. Answers the offset behind the last one seen.
 *
 * Errors   LogError `unavailable` when the log stands still before the end. What retention takes away meanwhile is passed over.
 */
export async function scanPartition(
  reader: PartitionReader,
  span: Span,
  see: (record: LogRecord) => void | Promise<void>,
  onProgress: (progress: ScanProgress) => void = () => {},
): Promise<number> {
  const { topic, partition } = reader;
  let next = span.from;
  let empties = 0;
  while (next < span.to) {
    const chunk = await readOrSkip(reader, next);
    for (const record of chunk.records) if (record.offset < span.to) await see(record);
    empties = chunk.nextOffset > next ? 0 : empties + 1;
    if (empties > EMPTY_MAX)
      throw new LogError('unavailable', `${topic}/${partition}: nothing comes after ${next}, though the log reaches to ${span.to}`);
    next = chunk.nextOffset;
    onProgress({ topic, partition, done: Math.min(next, span.to) - span.from, total: span.to - span.from });
  }
  return next;
}

async function readOrSkip(reader: PartitionReader, from: number) {
  try {
    return await reader.read(from, READ);
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'out-of-range') throw error;
    const { startOffset } = await reader.bounds();
    if (startOffset <= from) throw error;
    return { records: [], nextOffset: startOffset };
  }
}

/** An offset from which on stands every record appended at or after `sinceMs`. Append times only rise, so it is searched by halves. */
export async function offsetSince(reader: PartitionReader, bounds: Bounds, sinceMs: number | null): Promise<number> {
  let { startOffset: low, endOffset: high } = bounds;
  while (sinceMs !== null && high - low > SEARCH_STOP_RECORDS) {
    const middle = low + Math.floor((high - low) / 2);
    const [record] = (await reader.read(middle, { records: 1, waitMs: READ.waitMs })).records;
    if (!record || record.timestampMs >= sinceMs) high = middle;
    else low = record.offset + 1;
  }
  return low;
}

/**
 * The record at exactly this offset; null when it is gone, not there yet, or was aborted. A log that answers nothing for a while
 * says none of that.
 *
 * Errors   LogError `unavailable` when nothing comes, though the log reaches beyond.
 */
export async function recordAt(reader: PartitionReader, offset: number): Promise<LogRecord | null> {
  const { startOffset, endOffset } = await reader.bounds();
  if (offset < startOffset || offset >= endOffset) return null;
  for (let empties = 0; empties <= EMPTY_MAX; empties++) {
    const { records, nextOffset } = await reader.read(offset, { records: 1, waitMs: READ.waitMs });
    const [record] = records;
    if (record) return record.offset === offset ? record : null;
    if (nextOffset > offset) return null;
  }
  const { topic, partition } = reader;
  throw new LogError('unavailable', `${topic}/${partition}: nothing comes at ${offset}, though the log reaches to ${endOffset}`);
}
