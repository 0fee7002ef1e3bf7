/**
 * The rate of one destination as a generic cell rate algorithm: one number, the theoretical arrival time (TAT) of the next token,
 * stands for the whole bucket. Pure; the Lua of `rate-store.redis.ts` is the same fold, and one contract suite holds both.
 *
 * Tokens are reserved, not counted: each has a moment from which it may be used, and a short time after which it is void. So what
 * a replica holds can neither pile up nor be used twice, and a replica that dies loses a few tokens and nothing else.
 *
 * Promise   In every window of t seconds at most `burst + perSecond × t` tokens are used, over all replicas. Where the burst is worth
 *           less than 80 ms of the rate (and a rate is above 2.5/s), that holds for windows of a second and longer; in shorter ones
 *           tokens may stand as close together as 20 ms allow.
 * Why       The moments keep `bucket + t / interval`. A token is used up to `useWithin` later and its request is a while on its way;
 *           `slack` covers both, and is taken from the bucket beforehand. Where the bucket is too small for that, the interval grows
 *           a little instead.
 * Units     *Us microseconds, on whatever clock the store has.
 * Source    ITU-T I.371 (GCRA); the form with TAT as in Go's throttled and redis-cell, reservations ahead are ours.
 */
export type Rate = Readonly<{ perSecond: number; burst: number }>;

export type RateTerms = Readonly<{
  /** Between two tokens of an empty bucket. */
  intervalUs: number;
  /** How far the TAT may run ahead of a token's moment: the bucket, less one. */
  toleranceUs: number;
  /** How long after its moment a token is good. */
  useWithinUs: number;
  /** How far ahead a token may be reserved. */
  horizonUs: number;
}>;

/** `waitUs`: when it is worth asking again, 0 when something was granted. Token k is good from `firstUs + k × interval`, or at once if that is negative. */
export type Reserved = Readonly<{ tatUs: number; granted: number; firstUs: number; waitUs: number }>;

const slackMaxUs = 250_000;
/** Less would be lost to timers and to the way to Redis and back. */
const slackMinUs = 40_000;
const useWithinMinUs = 20_000;
const horizonUs = 400_000;
const leaseUs = 200_000;
const secondUs = 1_000_000;

export function rateTerms({ perSecond, burst }: Rate): RateTerms {
  if (!(perSecond > 0) || !(burst >= 1)) throw new RangeError(`not a rate: ${perSecond}/s, burst ${burst}`);
  const evenUs = secondUs / perSecond;
  const bucketUs = (burst - 1) * evenUs;
  const slackUs = Math.min(slackMaxUs, bucketUs > 0 ? bucketUs / 2 : evenUs / 10);
  if (slackUs < slackMinUs) return tightTerms({ perSecond, burst });
  if (bucketUs > 0) return { intervalUs: evenUs, toleranceUs: bucketUs - slackUs, useWithinUs: slackUs / 2, horizonUs };
  return { intervalUs: evenUs + slackUs, toleranceUs: 0, useWithinUs: slackUs / 2, horizonUs };
}

/** A second is kept to, with what may be used late in it: bucket + pace × (1 s + late) = burst + perSecond. */
function tightTerms({ perSecond, burst }: Rate): RateTerms {
  const late = useWithinMinUs / secondUs;
  const bucket = Math.max(1, burst - perSecond * late);
  const pace = Math.min(perSecond, (burst + perSecond - bucket) / (1 + late));
  const intervalUs = secondUs / pace;
  return { intervalUs, toleranceUs: (bucket - 1) * intervalUs, useWithinUs: useWithinMinUs, horizonUs };
}

/** Tokens worth a lease: half of the horizon, so that no replica alone reserves all that is near. */
export const leaseMaxTokens = ({ intervalUs }: RateTerms): number => Math.max(1, Math.floor(leaseUs / intervalUs));

/** `tatUs` null: the store knows nothing, the bucket is full. */
export function reserveTokens(tatUs: number | null, count: number, nowUs: number, terms: RateTerms): Reserved {
  const { intervalUs, toleranceUs } = terms;
  // No reservation reaches further: a TAT beyond it is from a clock that was set back since, and would hold everybody.
  const furthestUs = nowUs + toleranceUs + terms.horizonUs + intervalUs;
  const fromUs = Math.min(Math.max(tatUs ?? 0, nowUs), furthestUs);
  const firstUs = fromUs - toleranceUs - nowUs;
  const granted = Math.max(0, Math.min(count, Math.floor((terms.horizonUs - firstUs) / intervalUs) + 1));
  return { tatUs: fromUs + granted * intervalUs, granted, firstUs, waitUs: granted > 0 ? 0 : firstUs - terms.horizonUs };
}
