import { formatDeadLetterId, type DeadLetterPlace } from '#libs/domain/src/index.js';
import type { LeftState } from './decide-departure.js';
import type { OperationRow, OperationStore } from './repair.ports.js';

/** OperationStore in memory, for tests: the same contract as Postgres. */
export class MemoryOperationStore implements OperationStore {
  readonly rows = new Map<string, OperationRow>();
  readonly states = new Map<string, LeftState>();
  private readonly known: Readonly<{ id: string; eventposition: string; destination: string; hop: number }>[] = [];

  /** A dead letter that stands open. */
  add(place: DeadLetterPlace, of: Readonly<{ eventposition: string; destination: string; hop: number }>): void {
    this.known.push({ id: formatDeadLetterId(place), ...of });
  }

  async keep(row: OperationRow): Promise<void> {
    this.rows.set(row.id, row);
  }

  async mark(places: readonly DeadLetterPlace[], state: LeftState): Promise<void> {
    for (const place of places) {
      const id = formatDeadLetterId(place);
      if (!this.states.has(id) && this.known.some((one) => one.id === id)) this.states.set(id, state);
    }
  }

  async find(eventposition: string, destination: string): Promise<readonly string[]> {
    return this.known
      .filter((one) => one.eventposition === eventposition && one.destination === destination)
      .sort((a, b) => b.hop - a.hop)
      .map(({ id }) => id);
  }
}
