import type { Codec } from '#libs/contracts/src/index.js';
import type { LogRecord, Owner, PartitionWork } from '#libs/kafka/src/index.js';
import { scanPartition } from '#libs/ledger/src/index.js';
import { retried } from '#libs/observability/src/index.js';
import { OperationBook } from './operation-book.js';
import { Repair } from './repair.js';
import type { RepairPorts } from './repair.ports.js';

const READ_MAX_RECORDS = 200;
const IDLE_WAIT_MS = 1_000;
const BUSY_WAIT_MS = 100;
const STANDSTILL_MS = 100;

/**
 * The whole story of operators' commands: requeue, discard and resolve, each dead letter at most once (rule 26).
 *
 * Source   hf.commands, one partition, read by its owner from its *beginning*: the fold of it is the state. Which dead letters have
 *          left, and how far each operation is, stands there, written by the same transactions that took them. So nothing is
 *          decided from Postgres, and hf.commands must be kept at least as long as hf.dlq.
 * Crash    before a step's transaction: nothing of it stands; the next owner takes the same ids. In it: the next owner's fence
 *          aborts it before the log is read to its end. Behind it: deliveries, facts and `left` stand together, and the next owner
 *          folds them. Its answer lost: thrown, begun again by fence and fold, never repeated (rule 3).
 *          Behind it, before Postgres: the committed offset stays before an operation until Postgres knows its end, so the next
 *          owner tells Postgres again; rows and marks may be told twice.
 *          Outcomes are counted from hf.ledger since the operation began; a new owner reads them again.
 * Errors   Registry, Redis or Postgres away: operations wait, and /readyz says so. What nobody can read is passed over.
 */
export const carryOut =
  (ports: RepairPorts): PartitionWork =>
  async (log, lease) => {
    const { clock, telling } = ports;
    const waitingOut = <T>(act: () => Promise<T>): Promise<T | null> =>
      retried(act, { clock, signal: lease.revoked, onWaiting: (error) => telling.waiting(log.topic, log.partition, error) });
    const owner: Owner = ports.owner(log);
    const owned = await waitingOut(() => owner.acquire());
    const codec = owned && (await waitingOut(() => ports.codec()));
    if (!owned || !codec) return;
    const book = new OperationBook();
    const fold = (record: LogRecord): Promise<void> => foldRecord(record, book, codec);

    // 0 · All that stands, up to the end that the fence made final.
    const { startOffset, endOffset } = await log.bounds();
    let next = await scanPartition(log, { from: startOffset, to: endOffset }, fold);
    for (const { id, ended } of book.operations()) if (ended && ended.offset < owned.offset) book.close(id);
    const repair = new Repair({ book, owner, codec, ports, waitingOut, revoked: lease.revoked });

    for (let isBusy = false; !lease.revoked.aborted;) {
      if (!lease.mayStart()) {
        await clock.sleep(STANDSTILL_MS, lease.revoked);
        continue;
      }
      // 1 · Source: what operators said since.
      const waitMs = isBusy ? 1 : book.operations().length > 0 ? BUSY_WAIT_MS : IDLE_WAIT_MS;
      const chunk = await log.read(next, { records: READ_MAX_RECORDS, waitMs }, lease.revoked);
      for (const record of chunk.records) await fold(record);
      next = chunk.nextOffset;

      // 2 · What became of what was sent.
      if (!(await repair.look())) return;

      // 3 · One step of each operation: decide, take, and commit what left with the offset.
      isBusy = false;
      for (const operation of book.operations()) {
        const took = await repair.step(operation, next);
        if (took === null) return;
        isBusy ||= took;
      }

      // 4 · For people. 5 · Only then may the offset pass an operation.
      if (!(await repair.tell())) return;
      const offset = book.offsetOr(next);
      if (offset > owner.current().offset) await owner.settle({ records: [], offset, settled: [] });
    }
  };

async function foldRecord({ value, offset, timestampMs }: LogRecord, book: OperationBook, codec: Codec): Promise<void> {
  const command = value && (await codec.decode('Command', value));
  if (command?.ok) book.fold(command.value, { offset, timestampMs });
}
