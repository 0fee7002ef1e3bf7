import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeCommitMetadata, encodeCommitMetadata, metadataMaxBytesDefault, settledWindowMax } from './commit-metadata.js';

/** Goal: what one owner commits, the next one reads, whatever the settled set looks like, within the broker's bound. */
describe('commit metadata', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
  const offsets = fc.integer({ min: 0, max: 2 ** 52 });

  it('comes back as it went in', () => {
    fc.assert(
      fc.property(
        word,
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.option(word),
        offsets,
        fc.uniqueArray(fc.integer({ min: 1, max: 30_000 })),
        (incarnation, number, redisIdentity, offset, beyond) => {
          const settled = beyond.map((one) => offset + one).sort((a, b) => a - b);
          const metadata = { incarnation, number, redisIdentity, settled };
          expect(decodeCommitMetadata(offset, encodeCommitMetadata(offset, metadata))).toEqual(metadata);
        },
      ),
    );
  });

  it('fits whatever is settled inside the window, with the longest identities', () => {
    const window = settledWindowMax();
    expect(window).toBeGreaterThan(20_000);
    const long = 'x'.repeat(64);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: window }), { maxLength: 5_000 }),
        fc.integer({ min: 1, max: 9 }),
        (some, stride) => {
          const settled = [
            ...new Set([...some, ...Array.from({ length: Math.floor(window / stride) }, (_, i) => (i + 1) * stride), window]),
          ].sort((a, b) => a - b);
          const text = encodeCommitMetadata(0, { incarnation: long, number: 2 ** 53, redisIdentity: long, settled });
          expect(text.length).toBeLessThanOrEqual(metadataMaxBytesDefault);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('takes runs for long runs and a bitmap for scattered ones', () => {
    const head = { incarnation: 'i', number: 1, redisIdentity: null };
    const run = Array.from({ length: 100_000 }, (_, i) => i + 7);
    expect(encodeCommitMetadata(5, { ...head, settled: run })).toMatch(/^1;i;1;;r.{6}$/);
    expect(encodeCommitMetadata(0, { ...head, settled: [2, 4, 6, 8] })).toBe('1;i;1;;bqg');
  });

  it('refuses what is not its own', () => {
    for (const text of ['', 'x', '2;i;1;;', '1;i;1;', '1;;1;;', '1;i;-1;;', '1;i;1;;z00', '1;i;1;;r_w', '1;i;1;;rAAA', '1;i;1;a b;']) {
      expect(decodeCommitMetadata(0, text)).toBeNull();
    }
    fc.assert(fc.property(fc.string(), (text) => void decodeCommitMetadata(3, text)));
    fc.assert(fc.property(fc.base64String(), (text) => void decodeCommitMetadata(3, `1;i;1;;r${text}`)));
  });

  it('refuses sets that are not ascending beyond the offset', () => {
    const head = { incarnation: 'i', number: 1, redisIdentity: null };
    for (const settled of [[5], [4], [7, 7], [8, 7]]) expect(() => encodeCommitMetadata(5, { ...head, settled })).toThrow(RangeError);
  });
});
