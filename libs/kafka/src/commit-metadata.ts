/**
 * What a committed offset carries (rules 5, 12, 13): one line of ASCII,
 *
 *   1;<incarnation>;<owner's number>;<Redis identity or nothing>;<settled set>
 *
 * The settled set is told from `offset + 1` on (`offset` itself is never settled), in whichever form is shorter:
 * `r` and base64url of varints, pairs of (unsettled, settled) run lengths, or `b` and base64url of a bitmap, low bit first.
 * Brokers refuse metadata above `offset.metadata.max.bytes` (4,096 by default), so the window is bounded by the bitmap: it
 * always fits, whatever the pattern.
 */
export type CommitMetadata = Readonly<{
  incarnation: string;
  number: number;
  redisIdentity: string | null;
  /** Offsets beyond the committed one, ascending. */
  settled: readonly number[];
}>;

export const metadataMaxBytesDefault = 4096;

const version = '1';
const word = /^[A-Za-z0-9_.:-]{1,64}$/;
/** `1;` incarnation `;` number `;` identity `;` and the form's letter, each at its longest. */
const headMaxBytes = 1 + 1 + 64 + 1 + 16 + 1 + 64 + 1 + 1;
/** A decoder's bound, far beyond what an encoder can have written. */
const decodedSettledMax = 1_000_000;

/** How many offsets beyond the committed one may be looked after: any settled set inside this window fits into the metadata. */
export function settledWindowMax(metadataMaxBytes: number = metadataMaxBytesDefault): number {
  return Math.max(0, Math.floor(((metadataMaxBytes - headMaxBytes) * 3) / 4) * 8);
}

/** Throws RangeError on a set that is not ascending beyond `offset`, or on identities that are not single words. */
export function encodeCommitMetadata(offset: number, metadata: CommitMetadata): string {
  const { incarnation, number, redisIdentity, settled } = metadata;
  if (!word.test(incarnation)) throw new RangeError(`incarnation is not a word of at most 64 characters: ${incarnation}`);
  if (redisIdentity !== null && !word.test(redisIdentity))
    throw new RangeError(`Redis identity is not a word of at most 64 characters: ${redisIdentity}`);
  return [version, incarnation, number, redisIdentity ?? '', encodeSettled(offset, settled)].join(';');
}

/** Null when the text is not ours; the partition is then held (rule 4). */
export function decodeCommitMetadata(offset: number, text: string): CommitMetadata | null {
  const parts = text.split(';');
  if (parts.length !== 5 || parts[0] !== version) return null;
  const [, incarnation, digits, identity, set] = parts as [string, string, string, string, string];
  if (!word.test(incarnation) || !/^\d{1,16}$/.test(digits) || (identity !== '' && !word.test(identity))) return null;
  const settled = decodeSettled(offset, set);
  return settled && { incarnation, number: Number(digits), redisIdentity: identity || null, settled };
}

function encodeSettled(offset: number, settled: readonly number[]): string {
  if (settled.length === 0) return '';
  const runs: number[] = [];
  let next = offset + 1; // The first offset not yet told.
  let index = 0;
  while (index < settled.length) {
    const from = settled[index]!;
    if (from < next) throw new RangeError(`settled set is not ascending beyond ${offset} at ${from}`);
    let to = from + 1;
    while (settled[index + 1] === to) {
      index += 1;
      to += 1;
    }
    index += 1;
    pushVarint(runs, from - next);
    pushVarint(runs, to - from);
    next = to;
  }
  const span = next - offset - 1;
  const bitmapBytes = Math.ceil(span / 8);
  if (runs.length <= bitmapBytes) return `r${Buffer.from(runs).toString('base64url')}`;
  const bitmap = Buffer.alloc(bitmapBytes);
  for (const position of settled) {
    const bit = position - offset - 1;
    bitmap[bit >> 3]! |= 1 << (bit & 7);
  }
  return `b${bitmap.toString('base64url')}`;
}

function decodeSettled(offset: number, text: string): number[] | null {
  if (text === '') return [];
  if (!/^[rb][A-Za-z0-9_-]+$/.test(text)) return null;
  const bytes = Buffer.from(text.slice(1), 'base64url');
  return text[0] === 'b' ? fromBitmap(offset, bytes) : fromRuns(offset, bytes);
}

function fromBitmap(offset: number, bytes: Buffer): number[] {
  const settled: number[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    if (bytes[bit >> 3]! & (1 << (bit & 7))) settled.push(offset + 1 + bit);
  }
  return settled;
}

function fromRuns(offset: number, bytes: Buffer): number[] | null {
  const settled: number[] = [];
  let next = offset + 1;
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; at < bytes.length && scale < 2 ** 49; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return -1;
  };
  while (at < bytes.length) {
    const gap = varint();
    const length = varint();
    if (gap < 0 || length < 1 || settled.length + length > decodedSettledMax) return null;
    next += gap;
    for (const end = next + length; next < end; next += 1) settled.push(next);
  }
  return settled;
}

function pushVarint(into: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    into.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  into.push(rest);
}
