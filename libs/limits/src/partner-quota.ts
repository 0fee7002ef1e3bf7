/** What a partner says of its own limit: so many requests are left, until a reset in so many ms. */
export type PartnerQuota = Readonly<{ remaining: number; resetMs: number }>;
type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

const fieldMaxLength = 1_024;
const policiesMax = 16;
const resetMaxMs = 24 * 3_600_000;
/** A delta of seconds is never as large, and moments since the epoch are never as small. */
const epochFromS = 1_000_000_000;
const epochFromMs = 1_000_000_000_000;

/**
 * Reads the fields in use, the standard's first; null: none of them says both. Pure, bounded, and total: a partner may send anything.
 *
 *   RateLimit: "default";r=50;t=30            draft-ietf-httpapi-ratelimit-headers from 07 on; of several policies the tightest counts
 *   RateLimit: limit=100, remaining=50, reset=30                                             drafts before
 *   RateLimit-Remaining, RateLimit-Reset      drafts before; seconds
 *   X-RateLimit-Remaining, X-RateLimit-Reset  (also X-Rate-Limit-*, X-RateLimit-Reset-After)  seconds, or a moment since the epoch in s or ms
 */
export function parsePartnerQuota(fields: Fields, nowMs: number): PartnerQuota | null {
  const structured = textOf(fields['ratelimit']);
  const standard = structured === null ? null : parseStructured(structured);
  if (standard) return standard;
  for (const prefix of ['ratelimit', 'x-ratelimit', 'x-rate-limit']) {
    const remaining = countOf(textOf(fields[`${prefix}-remaining`]));
    const resetMs = resetOf(textOf(fields[`${prefix}-reset-after`]), nowMs) ?? resetOf(textOf(fields[`${prefix}-reset`]), nowMs);
    if (remaining !== null && resetMs !== null) return { remaining, resetMs };
  }
  return null;
}

const textOf = (field: string | readonly string[] | undefined): string | null => {
  const text = typeof field === 'string' ? field : field?.join(', ');
  return text === undefined || text.length > fieldMaxLength ? null : text.trim();
};

function parseStructured(text: string): PartnerQuota | null {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, 'policy');
  const policies = /(^|[\s,])remaining=/.test(bare) ? [bare] : bare.split(',').slice(0, policiesMax);
  let tightest: PartnerQuota | null = null;
  for (const policy of policies) {
    const remaining = countOf(/(?:^|[;,\s])(?:r|remaining)=(\d{1,15})(?!\d)/.exec(policy)?.[1] ?? null);
    const seconds = countOf(/(?:^|[;,\s])(?:t|reset)=(\d{1,15})(?!\d)/.exec(policy)?.[1] ?? null);
    if (remaining === null || seconds === null) continue;
    const quota = { remaining, resetMs: Math.min(resetMaxMs, seconds * 1_000) };
    const isTighter =
      !tightest || quota.remaining < tightest.remaining || (quota.remaining === tightest.remaining && quota.resetMs > tightest.resetMs);
    if (isTighter) tightest = quota;
  }
  return tightest;
}

/** The first number: `50`, also of `50, 100;w=60`. */
const countOf = (text: string | null): number | null => {
  const match = /^(\d{1,15})(?![\d.])/.exec(text ?? '');
  return match ? Number(match[1]) : null;
};

function resetOf(text: string | null, nowMs: number): number | null {
  const match = /^(\d{1,15})(\.\d{1,9})?(?![\d.])/.exec(text ?? '');
  if (!match) return null;
  const number = Number(`${match[1]}${match[2] ?? ''}`);
  const inMs = number >= epochFromMs ? number - nowMs : number >= epochFromS ? number * 1_000 - nowMs : number * 1_000;
  return Math.ceil(Math.min(resetMaxMs, Math.max(0, inMs)));
}
