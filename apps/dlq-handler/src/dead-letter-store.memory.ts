import type { Entry } from './decide-entry.js';
import type { DeadLetterStore, Depth } from './dlq-handler.ports.js';

/** The store in memory, for tests: the same contract as Postgres. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly entries: Entry[] = [];
  private readonly keys = new Set<string>();

  async insert(entries: readonly Entry[]): Promise<readonly Entry[]> {
    const fresh = entries.filter((entry) => {
      const keys = keysOf(entry);
      if (keys.some((key) => this.keys.has(key))) return false;
      for (const key of keys) this.keys.add(key);
      return true;
    });
    this.entries.push(...fresh);
    return fresh;
  }

  async depths(): Promise<readonly Depth[]> {
    const depths = new Map<string, Depth>();
    for (const { kind, destination, source, type } of this.entries) {
      const place = destination ?? source;
      const key = JSON.stringify([kind, place, type]);
      depths.set(key, { kind, place, type, count: (depths.get(key)?.count ?? 0) + 1 });
    }
    return [...depths.values()];
  }
}

const keysOf = (entry: Entry): string[] => [
  JSON.stringify([entry.topic, entry.partition, entry.offset, entry.incarnation]),
  ...(entry.delivery === null ? [] : [JSON.stringify([entry.delivery, entry.hop, entry.operation])]),
];
