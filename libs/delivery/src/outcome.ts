/**
 * What came of handing one request to a partner, in the words of the wire. What it *means* is decided by `decideClass`.
 *
 * | kind        | the request                                                                     |
 * | ----------- | ------------------------------------------------------------------------------- |
 * | responded   | a status line came back                                                         |
 * | unreachable | no status; `before`: no byte left this process · `after`: bytes may have left   |
 * | unsendable  | nothing was sent, and no repetition helps: refused address, TLS identity, URL   |
 * | not-sent    | the claim's deadline had passed when a connection was free: nothing was sent    |
 */
export type Outcome =
  | Readonly<
      {
        kind: 'responded';
        status: number;
        retryAfterMs: number | null;
        /** As much of it as somebody needs. */
        body: string | null;
        /** Those that somebody needs, in lower case; absent where nobody needs any. */
        headers?: Readonly<Record<string, string>>;
        /** What its RateLimit fields say is left, until a reset in so many ms; absent where it has none. */
        rateLimit?: Readonly<{ remaining: number; resetMs: number }>;
      } & OfMany
    >
  | Readonly<{ kind: 'unreachable'; when: 'before' | 'after'; code: string; error: string } & OfMany>
  | Readonly<{ kind: 'unsendable'; code: string; error: string } & OfMany>
  | Readonly<{ kind: 'not-sent' }>;

/** `isEcho`: the request carried several deliveries, and another one's outcome tells of it: it counts once for breaker and limits. */
type OfMany = { isEcho?: true };

/** Whether the request took effect at the partner, as far as the outcome can tell. */
export type Effect = 'yes' | 'no' | 'maybe';

/** What is known of a delivery that took effect; in Redis beside its start, and as a verdict in the ledger. */
export type DoneAs = 'once' | 'proof' | 'maybe-twice';
