import type { Clock } from './clock.port.js';
import type { Lease, PartitionLog, PartitionWork } from './log.port.js';
import type { Logger } from './logger.port.js';
import { endsWithin } from './retrying.js';

/** A partition's log as an adapter opens it for one assignment, and how it is let go. */
export type OpenedLog = Readonly<{ log: PartitionLog; close(): void }>;

export type AssignmentsOptions = Readonly<{
  work: PartitionWork;
  open(partition: number): OpenedLog;
  /** The member's own standing in the group. */
  mayStart(): boolean;
  clock: Clock;
  logger: Logger;
  /** For log lines: group and topic. */
  name: Readonly<{ group: string; topic: string }>;
}>;

type Assignment = { readonly revocation: AbortController; readonly ended: Promise<void>; finished: boolean };

const restartFirstMs = 100;
const restartMaxMs = 5_000;
const standingPollMs = 100;

/**
 * Which partitions a member has, and the work that runs on each. Both adapters share it.
 *
 * One work at a time a partition: assigned again, the new work waits until the old one has returned. A work that returns or
 * rejects while the partition is still here is begun again after a backoff (a fenced owner that turns out to be the rightful
 * one would else leave the partition idle), and never while the group says that we may not start.
 */
export class Assignments {
  private readonly current = new Map<number, Assignment>();
  private readonly ending = new Map<number, Promise<void>>();
  private stopped = false;

  constructor(private readonly options: AssignmentsOptions) {}

  partitions(): number[] {
    return [...this.current.keys()].sort((a, b) => a - b);
  }

  /** What the group says now: takes away what is no longer here, begins what is new, leaves the rest alone (rule 10). */
  set(partitions: readonly number[]): void {
    for (const partition of this.partitions()) if (!partitions.includes(partition)) this.revoke(partition);
    for (const partition of partitions) this.assign(partition);
  }

  assign(partition: number): void {
    // A member that stops is in its group until it has left, and a rebalance meanwhile assigns it something again.
    if (this.stopped || this.current.has(partition)) return;
    const revocation = new AbortController();
    const before = this.ending.get(partition) ?? Promise.resolve();
    const ended = before.then(() => this.run(partition, revocation.signal));
    this.ending.set(partition, ended);
    const assignment: Assignment = { revocation, ended, finished: false };
    void ended.then(() => {
      assignment.finished = true;
      if (this.ending.get(partition) === ended) this.ending.delete(partition);
    });
    this.current.set(partition, assignment);
  }

  revoke(partition: number): void {
    const assignment = this.current.get(partition);
    this.current.delete(partition);
    assignment?.revocation.abort();
  }

  /** Revokes everything and waits for the works, at most `maxMs`. False: some are still running. */
  async stop(maxMs: number): Promise<boolean> {
    this.stopped = true;
    const running = [...this.ending.values()];
    for (const partition of this.partitions()) this.revoke(partition);
    const inTime = await endsWithin(this.options.clock, maxMs, Promise.all(running));
    if (!inTime) this.options.logger.warn({ ...this.options.name, maxMs }, 'works are still running after the bound of a stop');
    return inTime;
  }

  /** Never rejects. */
  private async run(partition: number, revoked: AbortSignal): Promise<void> {
    const { clock, logger, name, work } = this.options;
    const lease: Lease = { revoked, mayStart: () => !revoked.aborted && this.options.mayStart() };
    for (let failures = 0; !revoked.aborted; failures += 1) {
      if (failures > 0) await clock.sleep(Math.min(restartMaxMs, restartFirstMs * 2 ** (failures - 1)), revoked);
      while (!revoked.aborted && !this.options.mayStart()) await clock.sleep(standingPollMs, revoked);
      if (revoked.aborted) return;
      const startedMs = clock.monotonicMs();
      const opened = this.options.open(partition);
      try {
        await work(opened.log, lease);
        if (!revoked.aborted)
          logger.warn({ ...name, partition }, 'the work on a partition returned while it is still assigned; it begins again');
      } catch (error) {
        const text = revoked.aborted
          ? 'the work on a revoked partition ended with an error'
          : 'the work on a partition failed; it begins again';
        logger[revoked.aborted ? 'warn' : 'error']({ ...name, partition, err: error }, text);
      } finally {
        opened.close();
      }
      if (clock.monotonicMs() - startedMs > restartMaxMs * 4) failures = 0; // It ran well for a while: the next failure is a first one.
    }
  }
}
