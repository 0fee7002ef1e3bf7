/**
 * A destination whose partner rejects its credentials. Pure: times come in.
 *
 * | state    | entered by                             | left by                                                              |
 * | -------- | -------------------------------------- | -------------------------------------------------------------------- |
 * | none     | start; the partner accepted a request  | rejected → held                                                      |
 * | held     | rejected                               | its time → probing; the secret changed → probing, at once            |
 * | probing  | its time; a changed secret             | accepted → none; rejected → held, for twice as long                  |
 *
 * Probing lets one request through at a time: a delivery that waits, as the canary.
 */
export type Rejection =
  | Readonly<{ kind: 'none' }>
  | Readonly<{ kind: 'held'; count: number; sinceMs: number; untilMs: number; status: number | null }>
  | Readonly<{ kind: 'probing'; count: number; sinceMs: number; status: number | null }>;

export type RejectionEvent =
  | Readonly<{ kind: 'rejected'; atMs: number; status: number | null; waitMs: (count: number) => number }>
  | Readonly<{ kind: 'accepted' }>
  | Readonly<{ kind: 'time'; nowMs: number }>
  | Readonly<{ kind: 'secret-changed' }>;

export const noRejection: Rejection = { kind: 'none' };

export function foldRejection(state: Rejection, event: RejectionEvent): Rejection {
  switch (event.kind) {
    case 'accepted':
      return noRejection;
    case 'rejected': {
      const count = state.kind === 'none' ? 1 : state.count + 1;
      const sinceMs = state.kind === 'none' ? event.atMs : state.sinceMs;
      return { kind: 'held', count, sinceMs, untilMs: event.atMs + event.waitMs(count), status: event.status };
    }
    case 'time':
      return state.kind === 'held' && event.nowMs >= state.untilMs ? probing(state) : state;
    case 'secret-changed':
      return state.kind === 'held' ? probing(state) : state;
  }
}

const probing = ({ count, sinceMs, status }: Extract<Rejection, { kind: 'held' }>): Rejection => ({
  kind: 'probing',
  count,
  sinceMs,
  status,
});

/** How many requests may be under way. */
export function limitOf(state: Rejection): number {
  return state.kind === 'none' ? Infinity : state.kind === 'probing' ? 1 : 0;
}
