import { randomUUID } from 'node:crypto';
import type { Lease, LogCluster, LogRecord, OutRecord, PartitionLog, PartitionReader, RecordSource } from '../log.port.js';

/** A transaction of somebody else's, held open for as long as a test likes. */
export type ForeignTransaction = { send(record: OutRecord): Promise<void>; commit(): Promise<void>; abort(): Promise<void> };

/** What a test may do to the world behind the log. */
export type LogHarness = Readonly<{
  /** One process's view; the harness closes it. */
  process(name: string): LogCluster;
  createTopic(partitions: number, name?: string): Promise<string>;
  begin(transactionalId: string): Promise<ForeignTransaction>;
  trim(topic: string, partition: number, startOffset: number): Promise<void>;
  close(): Promise<void>;
}>;

const wait = { records: 1_000, waitMs: 500 };
export const boundMs = 20_000;

export const recordOf = (topic: string, value: string, more: Partial<OutRecord> = {}): OutRecord => ({
  topic,
  key: 'k',
  value: Buffer.from(value),
  headers: {},
  ...more,
});

export const text = ({ value }: LogRecord): string => String(value);

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));

export async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + boundMs;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(`did not come to hold within ${boundMs} ms: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Everything from one offset up to another, however it is cut. */
export async function readUntil(
  reader: PartitionReader,
  fromOffset: number,
  toOffset: number,
): Promise<{ records: LogRecord[]; nextOffset: number }> {
  const records: LogRecord[] = [];
  let nextOffset = fromOffset;
  const endMs = Date.now() + boundMs;
  while (nextOffset < toOffset && Date.now() < endMs) {
    const chunk = await reader.read(nextOffset, wait);
    records.push(...chunk.records);
    nextOffset = chunk.nextOffset;
  }
  return { records, nextOffset };
}

export const readTo = async (reader: PartitionReader, fromOffset: number, toOffset: number): Promise<LogRecord[]> =>
  (await readUntil(reader, fromOffset, toOffset)).records;

export async function readUntilEmpty(reader: PartitionReader, fromOffset: number): Promise<{ records: LogRecord[]; nextOffset: number }> {
  const records: LogRecord[] = [];
  for (let nextOffset = fromOffset; ;) {
    const chunk = await reader.read(nextOffset, wait);
    records.push(...chunk.records);
    if (chunk.nextOffset === nextOffset) return { records, nextOffset };
    nextOffset = chunk.nextOffset;
  }
}

/** From the start until so many records came, and then nothing more. */
export async function readUntilValues(reader: PartitionReader, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const endMs = Date.now() + boundMs;
  for (let nextOffset = 0; Date.now() < endMs;) {
    const chunk = await reader.read(nextOffset, wait);
    records.push(...chunk.records);
    if (records.length >= count && chunk.nextOffset === nextOffset) return records;
    nextOffset = chunk.nextOffset;
  }
  return records;
}

/** A partition's log as a work gets it. It outlives its assignment, as that of an owner who does not hear of its end. */
export async function borrowLog(
  cluster: LogCluster,
  topic: string,
  group = `g-${randomUUID()}`,
): Promise<{ log: PartitionLog; source: RecordSource }> {
  const source = cluster.source({ group, topic });
  const log = await new Promise<PartitionLog>((resolve, reject) => {
    const work = async (given: PartitionLog, lease: Lease): Promise<void> => {
      resolve(given);
      await aborted(lease.revoked);
    };
    source.start(work).catch(reject);
  });
  return { log, source };
}

export async function withLog(cluster: LogCluster, topic: string, use: (log: PartitionLog) => Promise<void>): Promise<void> {
  const { log, source } = await borrowLog(cluster, topic);
  try {
    await use(log);
  } finally {
    await source.stop();
  }
}
