import type { Codec } from '#libs/contracts/src/index.js';
import { parseDeadLetterId, type Command } from '#libs/domain/src/index.js';
import { LogError, type OutRecord, type Owner } from '#libs/kafka/src/index.js';
import { leftStateOf } from './decide-departure.js';
import { decideRepair, type RepairPhase, type RepairStep } from './decide-repair.js';
import { departureOf, progressRecord, type Departure } from './departures.js';
import { LedgerTail } from './ledger-tail.js';
import type { Operation, OperationBook } from './operation-book.js';
import { OperationOutcomes } from './operation-outcomes.js';
import type { OperationRow, RepairPorts } from './repair.ports.js';

/** Null: the partition went away first. */
type WaitingOut = <T>(act: () => Promise<T>) => Promise<T | null>;
export type RepairParts = Readonly<{
  book: OperationBook;
  owner: Owner;
  codec: Codec;
  ports: RepairPorts;
  waitingOut: WaitingOut;
  revoked: AbortSignal;
}>;

/** One transaction's deliveries, or one alone. */
const STEP_MAX_BYTES = 2 * 1024 * 1024;
/** How long a part of an operation may come after its first. */
const PARTS_MAX_MS = 60_000;
/** An operation that stopped is looked after for what is still under way. */
const AFTER_STOP_MAX_MS = 600_000;

/** The steps of operations over their ports; their order and crash windows stand in `repair.pipeline.ts`. */
export class Repair {
  private readonly outcomes = new OperationOutcomes();
  private readonly tail: LedgerTail;
  private readonly phases = new Map<string, RepairPhase>();
  private readonly told = new Map<string, string>();
  private readonly marked = new Map<string, number>();
  private readonly endedAtMs = new Map<string, number>();

  constructor(private readonly parts: RepairParts) {
    this.tail = new LedgerTail(parts.ports.topics.ledger, parts.ports.cluster, this.outcomes);
  }

  /** What became of what was sent; false: the partition went away. */
  async look(): Promise<boolean> {
    const { book, codec, waitingOut } = this.parts;
    const paced = book.operations().filter(isPaced);
    for (const { id } of paced) this.outcomes.watch(id);
    if (paced.length === 0) {
      this.tail.stop();
      return true;
    }
    const sinceMs = Math.min(...paced.map(({ appendedAtMs }) => appendedAtMs));
    return (await waitingOut(async () => this.tail.read(codec, sinceMs).then(() => true))) ?? false;
  }

  /** True: something was done, and more may follow at once. Null: the partition went away. */
  async step(operation: Operation, next: number): Promise<boolean | null> {
    if (operation.ended) return false;
    const { ids } = operation;
    const { clock } = this.parts.ports;
    if (operation.abortedBy !== null) return this.end(operation, { phase: 'aborted', why: `aborted by ${operation.abortedBy}` }, next);
    if (ids === null) {
      if (clock.nowMs() - operation.appendedAtMs < PARTS_MAX_MS) return false;
      return this.end(operation, { phase: 'aborted', why: 'a part of it never came' }, next);
    }
    const tally = this.outcomes.tally(operation.id);
    const openBreakers = isPaced(operation) ? await this.openOf(tally.destinations) : [];
    if (openBreakers === null) return null;
    const { delivered, failed, recent } = tally;
    const [open, sent] = [ids.length - operation.next, operation.left.length];
    const pace = isPaced(operation) ? 'paced' : 'at-once';
    const step = decideRepair({ pace, open, sent, delivered, failed, recent, openBreakers });
    if (step.kind === 'end') return this.end(operation, step, next);
    this.phases.set(operation.id, step.phase);
    return step.kind === 'wait' ? false : this.send(operation, ids.slice(operation.next, operation.next + step.countMax), next);
  }

  /** Postgres hears of it; operations that it knows the end of are closed. False: the partition went away. */
  async tell(): Promise<boolean> {
    const { book, ports, waitingOut } = this.parts;
    for (const operation of book.operations()) {
      const { id, left } = operation;
      const row = this.rowOf(operation);
      const text = JSON.stringify(row);
      const from = this.marked.get(id) ?? 0;
      const stands = await waitingOut(async () => {
        if (from < left.length)
          await ports.store.mark(
            left.slice(from).map((one) => parseDeadLetterId(one)!),
            leftStateOf(operation.as),
          );
        if (this.told.get(id) !== text) await ports.store.keep(row);
        return true;
      });
      if (!stands) return false;
      this.marked.set(id, left.length);
      if (this.told.get(id) !== text) ports.telling.operation(row);
      this.told.set(id, text);
      if (operation.ended && !this.isLookedAfter(operation)) this.close(id);
    }
    return true;
  }

  private async send(operation: Operation, ids: readonly string[], next: number): Promise<boolean | null> {
    const { waitingOut, ports, codec } = this.parts;
    const scope = { ...ports, codec };
    const { as, by, reason } = operation;
    const word = { as, by, reason, operation: operation.id, atMs: ports.clock.nowMs() };
    const departures = await waitingOut(async () => {
      const chosen = await this.chosen(operation, ids);
      return Promise.all(
        chosen.map(async (one): Promise<Departure> => ('why' in one ? { kind: 'stays', ...one } : departureOf(one.id, word, scope))),
      );
    });
    if (departures === null) return null;
    if (isPaced(operation)) {
      const destinations = new Set(
        departures.flatMap((one) => (one.kind === 'leaves' && one.destination !== null ? [one.destination] : [])),
      );
      const openBreakers = await this.openOf([...destinations]);
      if (openBreakers === null) return null;
      if (openBreakers.length > 0) {
        const why = `the breaker of ${openBreakers.join(', ')} is open`;
        return this.end(operation, { phase: 'stopped', why }, next);
      }
    }
    await this.take(operation, fitting(departures), next);
    return true;
  }

  /** The dead letters that these ids name: none leaves twice. */
  private async chosen(operation: Operation, ids: readonly string[]): Promise<({ id: string } | { id: string; why: string })[]> {
    const { book, ports } = this.parts;
    const seen = new Set<string>();
    const chosen: ({ id: string } | { id: string; why: string })[] = [];
    for (const named of ids) {
      const found = operation.kind === 'resolve' ? await ports.store.find(named, operation.destination ?? '') : [named];
      const id = found.find((one) => !book.hasLeft(one) && !seen.has(one));
      if (id !== undefined) seen.add(id);
      const why = operation.kind === 'resolve' ? 'has no open dead letter there' : 'had left before';
      chosen.push(id === undefined ? { id: named, why } : { id });
    }
    return chosen;
  }

  /** One transaction: what leaves, its facts, `left` and the offset. Halved when it is too large; what is too large alone stays. */
  private async take(operation: Operation, departures: readonly Departure[], next: number): Promise<void> {
    const leaving = departures.flatMap((one) => (one.kind === 'leaves' ? [one] : []));
    const skipped: Record<string, number> = {};
    for (const one of departures) if (one.kind === 'stays') skipped[one.why] = (skipped[one.why] ?? 0) + 1;
    const detail = { next: String(operation.next + departures.length), skipped: JSON.stringify(skipped) };
    const left: Command = { ...this.commandOf(operation), kind: 'left', ids: leaving.map(({ id }) => id), detail };
    try {
      await this.settle([...leaving.flatMap(({ records }) => records)], left, next);
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'too-large') || leaving.length === 0) throw error;
      const [first] = departures;
      if (departures.length === 1 && first) return this.take(operation, [{ kind: 'stays', id: first.id, why: 'is too large' }], next);
      return this.take(operation, departures.slice(0, Math.ceil(departures.length / 2)), next);
    }
  }

  private async end(
    operation: Operation,
    { phase, why }: Pick<Extract<RepairStep, { kind: 'end' }>, 'why'> & { phase: string },
    next: number,
  ) {
    const skipped = [...operation.skipped].map(([reason, count]) => `${count} stayed: ${reason}`);
    const { overtaken } = this.outcomes.tally(operation.id);
    const said = [why, ...skipped, overtaken > 0 ? `${overtaken} overtaken by a newer revision` : null].filter((one) => one !== null);
    await this.settle([], { ...this.commandOf(operation), kind: 'ended', detail: { phase, why: said.join('; ') } }, next);
    return false;
  }

  /** Throws what the owner throws: nothing may be settled before it is acquired again (rule 3). */
  private async settle(records: readonly OutRecord[], command: Command, next: number): Promise<void> {
    const { owner, book, codec, ports } = this.parts;
    const offset = Math.max(owner.current().offset, book.offsetOr(next));
    await owner.settle({ records: [...records, progressRecord(command, { codec, topics: ports.topics })], offset, settled: [] });
    // As the log has it by now; reading it there changes nothing more. It stands behind everything that was read.
    book.fold(command, { offset: next, timestampMs: ports.clock.nowMs() });
  }

  private commandOf({ id, by, reason, destination }: Operation): Command {
    return { id, kind: 'left', by, reason, at: this.parts.ports.clock.nowMs(), destination, ids: [], detail: {} };
  }

  /** Null: the partition went away. */
  private openOf(destinations: readonly string[]): Promise<string[] | null> {
    const { breakers } = this.parts.ports;
    return this.parts.waitingOut(async () => {
      const open = await Promise.all(destinations.map((one) => breakers.isOpen(one)));
      return destinations.filter((_, index) => open[index]);
    });
  }

  private rowOf(operation: Operation): OperationRow {
    const { id, kind, by, reason, at, total, left, ended } = operation;
    const { delivered, failed } = this.outcomes.tally(id);
    const phase = ended?.phase ?? this.phases.get(id) ?? 'preview';
    return { id, kind, phase, by, reason, at, total, sent: left.length, delivered, failed, why: ended?.why ?? null };
  }

  private isLookedAfter({ id, left }: Operation): boolean {
    const nowMs = this.parts.ports.clock.nowMs();
    const sinceMs = this.endedAtMs.get(id) ?? nowMs;
    this.endedAtMs.set(id, sinceMs);
    const { delivered, failed, retrying } = this.outcomes.tally(id);
    const isWatched = this.outcomes.isWatching(id);
    return isWatched && (delivered + failed < left.length || retrying > 0) && nowMs - sinceMs < AFTER_STOP_MAX_MS;
  }

  private close(id: string): void {
    this.parts.book.close(id);
    this.outcomes.forget(id);
    for (const known of [this.phases, this.told, this.marked, this.endedAtMs]) known.delete(id);
  }
}

const isPaced = ({ as }: Operation): boolean => as === 'requeue' || as === 'resend';

/** As many as fit into one transaction, at least one. */
function fitting(departures: readonly Departure[]): readonly Departure[] {
  let bytes = 0;
  const end = departures.findIndex((one, index) => (bytes += one.kind === 'leaves' ? one.bytes : 0) > STEP_MAX_BYTES && index > 0);
  return end < 0 ? departures : departures.slice(0, end);
}
