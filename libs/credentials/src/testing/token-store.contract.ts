import { beforeEach, describe, expect, it } from '@jest/globals';
import { noRecord } from '../no-record.js';
import type { TokenRecord } from '../token.js';
import type { TokenStore } from '../token-store.port.js';

export type TokenStoreHarness = Readonly<{ store: TokenStore; elapse(ms: number): Promise<void>; forget(): Promise<void> }>;

const id = 'a-credential';
const expiresAtMs = Date.now() + 60_000;
const recordOf = (tid: string): TokenRecord => ({
  token: { tid, accessToken: `access ${tid} ü"`, issuedAtMs: 1, expiresAtMs, scopes: ['a', 'b'] },
  failing: null,
  refreshToken: { value: `refresh ${tid}`, seed: 's' },
});

/** What every TokenStore owes the replicas. */
export function tokenStoreContract(name: string, open: () => Promise<TokenStoreHarness>): void {
  describe(`TokenStore contract: ${name}`, () => {
    let harness: TokenStoreHarness;
    let store: TokenStore;
    const lease = (by: string, version: string | null, leaseMs = 60_000) => store.lease(id, { lease: by, version, leaseMs });

    beforeEach(async () => {
      harness = await open();
      store = harness.store;
      await harness.forget();
    });

    it('knows nothing at first', async () => {
      expect(await store.read(id)).toEqual({ version: null, record: noRecord });
    });

    it('reads what was saved, under a version that changes with each save', async () => {
      expect(await lease('l1', null)).toBe('leased');
      expect(await store.save(id, 'l1', recordOf('t1'))).toBe('saved');
      const first = await store.read(id);
      expect(first.record).toEqual(recordOf('t1'));
      expect(await lease('l2', first.version)).toBe('leased');
      const failing = { count: 2, retryAtMs: 5, last: { kind: 'refused', code: 'invalid_client', text: 'no', atMs: 4 } } as const;
      await store.save(id, 'l2', { ...recordOf('t1'), failing, refreshToken: null });
      const second = await store.read(id);
      expect(second.record).toEqual({ token: recordOf('t1').token, failing, refreshToken: null });
      expect(second.version).not.toBe(first.version);
    });

    it('leases to one at a time, and only for the version that was decided on', async () => {
      expect(await lease('l1', null)).toBe('leased');
      expect(await lease('l2', null)).toBe('busy');
      await store.save(id, 'l1', recordOf('t1'));
      expect(await lease('l2', null)).toBe('changed');
      expect(await lease('l3', (await store.read(id)).version)).toBe('leased');
    });

    it('gives the lease back with the save, and a lease ends by itself', async () => {
      await lease('l1', null);
      await store.save(id, 'l1', recordOf('t1'));
      const { version } = await store.read(id);
      expect(await lease('l2', version, 50)).toBe('leased');
      await harness.elapse(80);
      expect(await lease('l3', version)).toBe('leased');
    });

    it('fences a holder whose lease went to another, before and after that one has saved', async () => {
      await lease('l1', null, 30);
      await harness.elapse(60);
      await lease('l2', null);
      expect(await store.save(id, 'l1', recordOf('late'))).toBe('fenced');
      expect(await store.save(id, 'l2', recordOf('t2'))).toBe('saved');
      expect(await store.save(id, 'l1', recordOf('late'))).toBe('fenced');
      expect((await store.read(id)).record.token?.tid).toBe('t2');
    });

    it('lets a holder whose lease ended save, while nobody took it over', async () => {
      await lease('l1', null, 30);
      await harness.elapse(60);
      expect(await store.save(id, 'l1', recordOf('t1'))).toBe('saved');
    });

    it('that forgot everything takes what a holder brings', async () => {
      await lease('l1', null);
      await harness.forget();
      expect(await store.save(id, 'l1', recordOf('t1'))).toBe('saved');
      expect((await store.read(id)).record.refreshToken).toEqual({ value: 'refresh t1', seed: 's' });
    });

    it('keeps credentials apart', async () => {
      await lease('l1', null);
      expect(await store.lease('another', { lease: 'l2', version: null, leaseMs: 1_000 })).toBe('leased');
    });

    it('leases to one of many who ask at the same time', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => lease(`l${n}`, null)));
      expect(answers.filter((answer) => answer === 'leased')).toHaveLength(1);
    });
  });
}
