import { failed, passed, type CheckResult, type Logger } from '#libs/observability/src/index.js';
import type { Telling } from './ledger.ports.js';

/** One line a batch, and what waits, for /readyz. */
export class LoggedTelling implements Telling {
  private readonly waits = new Map<string, Error>();

  constructor(private readonly logger: Pick<Logger, 'debug' | 'warn' | 'error' | 'info'>) {}

  projected(line: Parameters<Telling['projected']>[0]): void {
    if (line.unreadable > 0) this.logger.warn(line, 'records that nobody can read were passed over; they stand in Kafka');
    else this.logger.debug(line, 'projected');
  }

  passedOver(line: Parameters<Telling['passedOver']>[0]): void {
    this.logger.error(line, 'retention has taken records before they were projected; the ledger lacks them');
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
    if (before?.message !== error.message) this.logger.error({ topic, partition, err: error }, 'the projection waits; nothing is lost');
  }

  check(): CheckResult {
    const [first] = this.waits;
    return first ? failed(`${first[0]} waits: ${first[1].message}`, 'Mend what it names; it goes on by itself within 10 s.') : passed;
  }
}
