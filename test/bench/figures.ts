/** A number as a benchmark reports it: the middle of its runs, and how far they lie apart. */
export type Figure = Readonly<{ median: number; min: number; max: number; n: number }>;

export function figure(values: readonly number[]): Figure {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median: rounded(median), min: rounded(sorted[0]!), max: rounded(sorted.at(-1)!), n: sorted.length };
}

/** Four significant digits: more than that a benchmark does not know. */
export const rounded = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(4)) : value);
