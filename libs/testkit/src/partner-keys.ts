export type IdempotencySetting = Readonly<{
  enabled: boolean;
  /** How long a key is remembered, default 24 h. */
  validForMs: number;
  /** Keys remembered at most; the oldest go first, and `evicted` counts them: a test that sees it above 0 has set this too low. */
  keysMax: number;
}>;

type Remembered = { atMs: number; digest: string; seq: number };

/** The partner's memory of idempotency keys: a key seen before within its validity has no second effect. */
export class PartnerKeys {
  private readonly keys = new Map<string, Remembered>();
  evicted = 0;

  constructor(private setting: IdempotencySetting) {}

  current(): IdempotencySetting {
    return this.setting;
  }

  configure(change: Partial<IdempotencySetting>): void {
    this.setting = { ...this.setting, ...change };
  }

  /** What a request under this key finds. `reused`: the same key with another body, which is the sender's fault (422). */
  find(key: string, digest: string, nowMs: number): { kind: 'new' } | { kind: 'replay'; seq: number } | { kind: 'reused' } {
    if (!this.setting.enabled) return { kind: 'new' };
    const known = this.keys.get(key);
    if (known === undefined || nowMs - known.atMs > this.setting.validForMs) return { kind: 'new' };
    return known.digest === digest ? { kind: 'replay', seq: known.seq } : { kind: 'reused' };
  }

  remember(key: string, entry: Remembered): void {
    if (!this.setting.enabled) return;
    this.keys.delete(key);
    this.keys.set(key, entry);
    if (this.keys.size > this.setting.keysMax) {
      this.keys.delete(this.keys.keys().next().value!);
      this.evicted += 1;
    }
  }

  reset(): void {
    this.keys.clear();
    this.evicted = 0;
  }
}
