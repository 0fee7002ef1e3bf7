import { noRecord } from './no-record.js';
import type { TokenRecord } from './token.js';
import type { LeaseRequest, StandingRecord, TokenStore } from './token-store.port.js';

type Entry = { version: string | null; record: TokenRecord; fence: string | null; leasedUntilMs: number };

/** Tokens of one process: where no key seals them in Redis, and in tests, where replicas share one of these. */
export class MemoryTokenStore implements TokenStore {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly nowMs: () => number = Date.now) {}

  async read(id: string): Promise<StandingRecord> {
    const { version, record } = this.entries.get(id) ?? { version: null, record: noRecord };
    return { version, record };
  }

  async lease(id: string, { lease, version, leaseMs }: LeaseRequest): Promise<'leased' | 'busy' | 'changed'> {
    const entry = this.entries.get(id) ?? { version: null, record: noRecord, fence: null, leasedUntilMs: 0 };
    if (this.nowMs() < entry.leasedUntilMs) return 'busy';
    if (entry.version !== version) return 'changed';
    this.entries.set(id, { ...entry, fence: lease, leasedUntilMs: this.nowMs() + leaseMs });
    return 'leased';
  }

  async save(id: string, lease: string, record: TokenRecord): Promise<'saved' | 'fenced'> {
    const fence = this.entries.get(id)?.fence ?? null;
    if (fence !== null && fence !== lease) return 'fenced';
    this.entries.set(id, { version: lease, record, fence: lease, leasedUntilMs: 0 });
    return 'saved';
  }

  /** As a Redis that lost its memory. */
  forget(): void {
    this.entries.clear();
  }
}
