import { formatPosition } from '#libs/domain/src/index.js';
import { failed, passed, type CheckResult, type Logger } from '#libs/observability/src/index.js';
import type { Entry } from './decide-entry.js';
import type { Telling } from './dlq-handler.ports.js';
import type { OperationRow, RepairTelling } from './repair.ports.js';

/** One wide line an entry; what waits, for /readyz; and a nudge to count the depths. */
export class LoggedTelling implements Telling, RepairTelling {
  private readonly waits = new Map<string, Error>();
  /** The phase that was told last, by operation; forgotten at its end. */
  private readonly phases = new Map<string, string>();

  constructor(
    private readonly logger: Pick<Logger, 'warn' | 'error' | 'info'>,
    private readonly onStored: () => void,
  ) {}

  stored(entries: readonly Entry[]): void {
    for (const entry of entries) this.logger.warn(wideLine(entry), entry.kind === 'dead-letter' ? 'dead letter' : `${entry.kind} event`);
    if (entries.length > 0) this.onStored();
  }

  operation(row: OperationRow): void {
    this.onStored();
    const { id, at, ...line } = row;
    if (this.phases.get(id) === row.phase) return;
    const isOver = row.phase === 'done' || row.phase === 'stopped' || row.phase === 'aborted';
    if (isOver) this.phases.delete(id);
    else this.phases.set(id, row.phase);
    this.logger[row.phase === 'stopped' ? 'warn' : 'info']({ operation: id, commandedAt: at, ...line }, `operation: ${row.phase}`);
  }

  waiting(topic: string, partition: number, error: Error | null): void {
    const where = `${topic}/${partition}`;
    const before = this.waits.get(where);
    if (error === null) {
      if (this.waits.delete(where)) this.logger.info({ topic, partition }, 'goes on');
      return;
    }
    this.waits.set(where, error);
    // One line a trouble, not one a try.
    if (before?.message !== error.message) this.logger.error({ topic, partition, err: error }, 'the partition waits; nothing is lost');
  }

  check(): CheckResult {
    const [first] = this.waits;
    return first ? failed(`${first[0]} waits: ${first[1].message}`, 'Mend what it names; it goes on by itself within 10 s.') : passed;
  }
}

const wideLine = (entry: Entry) => ({
  correlationId: entry.correlationid,
  eventId: entry.eventid,
  destination: entry.destination ?? undefined,
  source: entry.source,
  type: entry.type,
  entity: entry.entity ?? undefined,
  reason: entry.reason,
  class: entry.class ?? undefined,
  status: entry.status ?? undefined,
  attempts: entry.attempts,
  delivery: entry.delivery ?? undefined,
  hop: entry.hop ?? undefined,
  position: formatPosition(entry),
  eventPosition: entry.eventposition ?? undefined,
  group: entry.signature,
});
