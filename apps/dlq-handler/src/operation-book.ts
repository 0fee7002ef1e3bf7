import { parseDeadLetterId, type Command } from '#libs/domain/src/index.js';
import type { Leaving } from './decide-departure.js';

/** An operation as hf.commands tells it. */
export type Operation = {
  readonly id: string;
  readonly kind: 'requeue' | 'discard' | 'resolve';
  readonly as: Leaving;
  readonly by: string;
  readonly reason: string;
  readonly at: number;
  readonly destination: string | null;
  readonly total: number;
  /** Where its first record stands, and since when: no fact of it is older. */
  readonly offset: number;
  readonly appendedAtMs: number;
  readonly parts: (readonly string[] | undefined)[];
  /** All of them in order, once every part has come. */
  ids: readonly string[] | null;
  /** The first of its ids that was not looked at. */
  next: number;
  left: string[];
  /** Why some did not leave by it. */
  skipped: Map<string, number>;
  ended: Readonly<{ phase: 'done' | 'stopped' | 'aborted'; why: string | null; offset: number }> | null;
  /** An operator's word: nothing more is sent. */
  abortedBy: string | null;
};

const KINDS: readonly string[] = ['requeue', 'discard', 'resolve'];
const PARTS_MAX = 1_000;

/**
 * hf.commands as far as it was read, folded: the operations that have not ended, and every dead letter that has left. It has one
 * partition and so one owner and one order; what stands twice (a read of what was just written) changes nothing.
 */
export class OperationBook {
  private readonly open = new Map<string, Operation>();
  private readonly done = new Set<string>();
  private readonly gone = new Map<string, Set<number>>();

  fold(command: Command, at: Readonly<{ offset: number; timestampMs: number }>): void {
    if (command.kind === 'left') return this.foldLeft(command);
    const known = this.open.get(command.id);
    if (command.kind === 'ended') {
      if (known && !known.ended) {
        const { phase, why } = command.detail;
        known.ended = { phase: (phase ?? 'done') as 'done', why: why ? why : null, offset: at.offset };
      }
      return;
    }
    if (command.kind === 'abort') {
      for (const id of command.ids) {
        const operation = this.open.get(id);
        if (operation) operation.abortedBy ??= command.by;
      }
      return;
    }
    if (!KINDS.includes(command.kind) || this.done.has(command.id)) return;
    const operation = known ?? begin(command, at);
    this.open.set(command.id, operation);
    const part = Number(command.detail['part'] ?? 1) - 1;
    if (part >= 0 && part < operation.parts.length) operation.parts[part] ??= command.ids;
    if (operation.parts.every((one) => one !== undefined)) operation.ids ??= operation.parts.flat();
  }

  /** In the order they came. */
  operations(): readonly Operation[] {
    return [...this.open.values()];
  }

  hasLeft(id: string): boolean {
    const place = parseDeadLetterId(id);
    return place !== null && this.gone.get(`${place.room}-${place.partition}`)?.has(place.offset) === true;
  }

  /** It has ended, and everybody who wants to know does. */
  close(id: string): void {
    if (this.open.delete(id)) this.done.add(id);
  }

  /** What a new owner has to see again. */
  offsetOr(next: number): number {
    return Math.min(next, ...this.operations().map(({ offset }) => offset));
  }

  private foldLeft({ id, ids, detail }: Command): void {
    for (const one of ids) {
      const place = parseDeadLetterId(one);
      if (!place) continue;
      const room = `${place.room}-${place.partition}`;
      const offsets = this.gone.get(room) ?? new Set<number>();
      this.gone.set(room, offsets.add(place.offset));
    }
    const operation = this.open.get(id);
    const next = Number(detail['next']);
    if (!operation || !(next > operation.next)) return;
    operation.next = next;
    operation.left.push(...ids);
    for (const [why, count] of Object.entries(JSON.parse(detail['skipped'] ?? '{}') as Record<string, number>)) {
      operation.skipped.set(why, (operation.skipped.get(why) ?? 0) + count);
    }
  }
}

function begin(command: Command, at: Readonly<{ offset: number; timestampMs: number }>): Operation {
  const { id, by, reason, destination, detail, ids } = command;
  const kind = command.kind as Operation['kind'];
  const parts = Math.min(PARTS_MAX, Math.max(1, Number(detail['parts'] ?? 1) || 1));
  return {
    ...{ id, kind, by, reason, destination, at: command.at },
    as: kind === 'resolve' ? leavingOf(detail['as']) : kind,
    total: Number(detail['total'] ?? ids.length),
    offset: at.offset,
    appendedAtMs: at.timestampMs,
    parts: Array.from({ length: parts }, () => undefined),
    ids: null,
    next: 0,
    left: [],
    skipped: new Map(),
    ended: null,
    abortedBy: null,
  };
}

const leavingOf = (as: string | undefined): Leaving => (as === 'delivered' || as === 'discard' ? as : 'resend');
