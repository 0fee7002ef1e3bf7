import { z } from 'zod';

/**
 * What a simulated partner does with the requests a rule speaks of. A rule has three parts: which requests (path, methods),
 * when (share, first, window), and what. Rules are asked in order: the first that answers (`status`, `fault`, `token`,
 * `rateLimit` exceeded) ends the search; latency, drip and body size are taken from the first rule that names them.
 *
 * Units   `*Ms` milliseconds, `retryAfterS` seconds, `share` in [0, 1], sizes in bytes.
 */
export const partnerRuleSchema = z.strictObject({
  name: z.string().optional(),
  /** A path prefix; left out: every path. */
  path: z.string().startsWith('/').optional(),
  /** Upper case; left out: every method that stores. A lookup (GET) is scripted only where a rule names GET. */
  methods: z.array(z.string()).optional(),
  /** Strikes this share of the requests, drawn from the partner's seed. */
  share: z.number().min(0).max(1).optional(),
  /** Strikes the first n requests only. */
  first: z.number().int().positive().optional(),
  /** Strikes the first n requests of each request key (Idempotency-Key, else event id). */
  firstPerKey: z.number().int().positive().optional(),
  /** Strikes from `fromMs` to `untilMs` after the rule was set; with `everyMs` again in each such period. */
  window: z.strictObject({ fromMs: z.number().min(0), untilMs: z.number(), everyMs: z.number().positive().optional() }).optional(),

  /** 401 unless the request carries one of these as `Authorization: Bearer …`. */
  tokens: z.array(z.string()).optional(),
  /** A token bucket; what exceeds it gets 429 with Retry-After. */
  rateLimit: z.strictObject({ perSecond: z.number().positive(), burst: z.number().int().positive() }).optional(),
  latencyMs: z.union([z.number().min(0), z.strictObject({ min: z.number().min(0), max: z.number().min(0) })]).optional(),
  /** The effect stands as soon as the request was read, and the latency comes after it. Default: the effect comes after the latency. */
  commitFirst: z.boolean().optional(),
  status: z.number().int().min(200).max(599).optional(),
  /** Whether the effect stands. Default: for a status below 400. `{ status: 500, commit: true }` is the 500 that proves nothing. */
  commit: z.boolean().optional(),
  retryAfterS: z.number().min(0).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.string().optional(),
  fault: z.enum(['hang-before-commit', 'hang-after-commit', 'reset-before-commit', 'reset-after-commit', 'reset-mid-body']).optional(),
  /** The answer's body goes out `bytes` at a time. */
  drip: z.strictObject({ bytes: z.number().int().positive(), everyMs: z.number().positive() }).optional(),
  /** The answer's body is this large. */
  bodyBytes: z.number().int().positive().max(1_073_741_824).optional(),
  /**
   * The body is a JSON array of records, or one in each line under application/x-ndjson; each is stored by itself, and `itemShare`
   * of them, and those whose `/id` is listed in `refuse`, fail with 422. `atomic`: one that fails refuses the whole, unnamed.
   */
  bulk: z
    .strictObject({
      itemShare: z.number().min(0).max(1).optional(),
      refuse: z.array(z.string()).optional(),
      atomic: z.boolean().optional(),
    })
    .optional(),
});

export type PartnerRule = Readonly<z.infer<typeof partnerRuleSchema>>;

export type PartnerFault = NonNullable<PartnerRule['fault']>;

/** What is to be done with one request, as data. */
export type PartnerAnswer = {
  status: number;
  commit: boolean;
  fault: PartnerFault | null;
  latencyMs: number;
  commitFirst: boolean;
  headers: Record<string, string>;
  /** Null: the partner's own receipt. */
  body: string | null;
  bodyBytes: number | null;
  drip: { bytes: number; everyMs: number } | null;
  bulk: { itemShare: number; refuse: readonly string[]; atomic: boolean } | null;
  /** The rule that answered; null when none did. */
  rule: string | null;
};

export type PartnerRequest = Readonly<{ method: string; path: string; key: string | null; bearer: string | null; nowMs: number }>;
