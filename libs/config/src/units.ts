const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** `30s`: a whole number and its unit. Also the pattern in the JSON Schema. */
export const DURATION = /^(\d{1,12})(ms|s|m|h|d)$/;
export const SIZE = /^(\d{1,12})(B|KiB|MiB|GiB)$/;

/** Milliseconds of a duration that {@link DURATION} has accepted; anything else is a bug. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text);
  if (!match) throw new RangeError(`not a duration: ${text}`);
  return Number(match[1]) * MS[match[2] as keyof typeof MS];
}

export function sizeBytes(text: string): number {
  const match = SIZE.exec(text);
  if (!match) throw new RangeError(`not a size: ${text}`);
  return Number(match[1]) * BYTES[match[2] as keyof typeof BYTES];
}

/** A JSON Pointer (RFC 6901) to something inside; not '' for the whole. */
export const POINTER = /^(\/([^~/]|~[01])*)+$/;
