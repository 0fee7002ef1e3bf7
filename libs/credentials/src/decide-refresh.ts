import type { Failing, FailureKind, Token } from './token.js';

/**
 * Decides when a token is renewed, how long a failure is waited out, and what an answer of the partner says about a token.
 * Pure: no clock, no randomness, no I/O.
 *
 * Units   *Ms are milliseconds, wall clock where absolute; `chance` is uniform in [0, 1).
 */
export type RefreshPolicy = Readonly<{
  /** The share of its life after which a token is renewed, while it is still good. */
  refreshAt: number;
  /** Replicas renew over this share of the life around `refreshAt`, so that most of them find a new token. */
  spread: number;
  /**
   * A token counts as over before its end by `skewShare` of its life: clocks differ, and a request takes time. Within bounds: servers
   * that count in whole seconds give up to one less than they say, and a short life must not be all skew.
   */
  skewShare: number;
  skewMinMs: number;
  skewMaxMs: number;
  skewMaxShare: number;
  backoff: Readonly<Record<FailureKind, Readonly<{ firstMs: number; maxMs: number }>>>;
  /** Between two tries of a credential that the partner rejects. */
  probe: Readonly<{ firstMs: number; maxMs: number }>;
}>;

export const refreshPolicyDefault: Omit<RefreshPolicy, 'refreshAt'> = {
  spread: 0.1,
  skewShare: 0.1,
  skewMinMs: 1_000,
  skewMaxMs: 30_000,
  skewMaxShare: 1 / 3,
  backoff: {
    unavailable: { firstMs: 500, maxMs: 15_000 },
    refused: { firstMs: 2_000, maxMs: 300_000 },
    'insufficient-scope': { firstMs: 5_000, maxMs: 300_000 },
    'secret-unusable': { firstMs: 5_000, maxMs: 60_000 },
  },
  probe: { firstMs: 2_000, maxMs: 600_000 },
};

/** From when on a token is not used any more. */
export function usableUntilMs({ issuedAtMs, expiresAtMs }: Token, policy: RefreshPolicy): number {
  const { skewShare, skewMinMs, skewMaxMs, skewMaxShare } = policy;
  const lifeMs = Math.max(0, expiresAtMs - issuedAtMs);
  return expiresAtMs - Math.min(Math.max(lifeMs * skewShare, skewMinMs), skewMaxMs, lifeMs * skewMaxShare);
}

/** At its share of the life, and in any case with time for one refresh before it counts as over. */
export function refreshAtMs(token: Token, policy: RefreshPolicy, chance: number): number {
  const lifeMs = Math.max(0, token.expiresAtMs - token.issuedAtMs);
  const early = (chance - 0.5) * policy.spread * lifeMs;
  const dueMs = token.issuedAtMs + lifeMs * policy.refreshAt + early;
  return Math.min(dueMs, usableUntilMs(token, policy) - lifeMs * 0.1 * (1 - chance / 2));
}

/** What this replica sees when it looks at a credential. */
export type RefreshView = Readonly<{
  nowMs: number;
  token: Token | null;
  failing: Failing | null;
  /** The token that the partner rejected here. */
  rejectedTid: string | null;
  /** The secrets are others than those of the last failure, or the time of a probe has come: what failed is worth a try at once. */
  isChanged: boolean;
  chance: number;
}>;

export type RefreshStep =
  /** Nothing to do before then. `isUsable`: the token of the view may be used meanwhile. */
  | Readonly<{ kind: 'rest'; untilMs: number; isUsable: boolean }>
  | Readonly<{ kind: 'refresh'; why: 'absent' | 'expiring' | 'rejected'; isUsable: boolean }>;

export function decideRefresh(view: RefreshView, policy: RefreshPolicy): RefreshStep {
  const { nowMs, token, failing, rejectedTid, isChanged, chance } = view;
  const isRejected = token !== null && token.tid === rejectedTid;
  const untilMs = token && !isRejected ? usableUntilMs(token, policy) : 0;
  const isUsable = nowMs < untilMs;
  const dueMs = token && isUsable ? refreshAtMs(token, policy, chance) : nowMs;
  if (nowMs < dueMs) return { kind: 'rest', untilMs: dueMs, isUsable };
  if (failing && !isChanged && nowMs < failing.retryAtMs) {
    // Looked at again when the token ends, so that the valve closes in time.
    return { kind: 'rest', untilMs: isUsable ? Math.min(failing.retryAtMs, untilMs) : failing.retryAtMs, isUsable };
  }
  return { kind: 'refresh', why: token === null ? 'absent' : isRejected ? 'rejected' : 'expiring', isUsable };
}

/** The wait after the n-th failure in a row (1-based), doubled each time, and never shorter than the server asks for. */
export function backoffMs(
  failure: Readonly<{ count: number; kind: FailureKind; retryAfterMs: number | null }>,
  policy: RefreshPolicy,
  chance: number,
): number {
  const { firstMs, maxMs } = policy.backoff[failure.kind];
  const waitMs = doubled(failure.count, { firstMs, maxMs }) * (0.75 + chance / 4);
  return Math.max(waitMs, Math.min(failure.retryAfterMs ?? 0, policy.probe.maxMs));
}

/** The wait before the n-th try (1-based) of a credential that the partner rejects. */
export const probeAfterMs = (count: number, { probe }: RefreshPolicy): number => doubled(count, probe);

const doubled = (count: number, { firstMs, maxMs }: Readonly<{ firstMs: number; maxMs: number }>): number =>
  Math.min(maxMs, firstMs * 2 ** Math.min(count - 1, 30));

/** What a partner's answer of class `auth` says. */
export type RejectionView = Readonly<{
  status: number | null;
  /** The credential that the request carried, and the one in use now. */
  tid: string;
  currentTid: string | null;
  rejectedTid: string | null;
  /** The one in use was fetched because another was rejected, and nothing has been accepted since. */
  isUnproven: boolean;
  /** A new one can be fetched; a static secret has none before somebody changes it. */
  isRenewable: boolean;
}>;

/**
 * - `ignore`: it speaks of a credential that is not in use any more, or of one that is known to be rejected. Of the many requests
 *   that carried a token when it was revoked, the first alone counts.
 * - `renew`: fetch another, now, once.
 * - `hold`: another would fare no better: a 403 is about rights, and a fresh token was rejected as well.
 */
export function decideRejection(view: RejectionView): 'ignore' | 'renew' | 'hold' {
  const { status, tid, currentTid, rejectedTid, isUnproven, isRenewable } = view;
  if (tid !== currentTid || tid === rejectedTid) return 'ignore';
  return isRenewable && status !== 403 && !isUnproven ? 'renew' : 'hold';
}

/** Needed scopes that were not granted. A server that names none has granted what was asked for (RFC 6749, 5.1). */
export function missingScopes(needed: readonly string[], granted: string | null): readonly string[] {
  if (granted === null) return [];
  const has = new Set(granted.split(' '));
  return needed.filter((scope) => !has.has(scope));
}
