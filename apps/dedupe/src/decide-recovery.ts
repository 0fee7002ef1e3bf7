/**
 * What to do about a broken dependency. The error itself says what broke (its name and closed code); this table says what follows.
 *
 * | error                              | step      | why                                                                   |
 * | ---------------------------------- | --------- | --------------------------------------------------------------------- |
 * | LogError `fenced`                  | leave     | another owner has the partition; the source begins again if it is mine |
 * | LogError `unknown-end`             | reacquire | did it commit? Only the fence and what stands behind it can tell (rule 3) |
 * | LogError `unavailable` and others  | reacquire | aborted or never begun                                                |
 * | OwnershipError                     | reacquire | held, with an alert, until an operator has mended the offset (rule 4) |
 * | StoreUnavailableError, RegistryError | retry   | nothing was written: the same call is made again                       |
 * | anything else                      | throw     | our bug                                                               |
 */
export type Recovery = Readonly<{ kind: 'leave' } | { kind: 'throw' } | { kind: 'reacquire' | 'retry'; afterMs: number }>;

const firstMs = 50;
const reacquireMaxMs = 5_000;
/** Shorter: while Redis is away, asking costs nothing. */
const retryMaxMs = 1_000;

/** `failures` in a row so far, this one not counted. */
export function decideRecovery(error: Readonly<{ name: string; code?: unknown }>, failures: number): Recovery {
  const waitMs = (maxMs: number): number => Math.min(maxMs, firstMs * 2 ** Math.min(failures, 20));
  switch (error.name) {
    case 'LogError':
      return error.code === 'fenced' ? { kind: 'leave' } : { kind: 'reacquire', afterMs: waitMs(reacquireMaxMs) };
    case 'OwnershipError':
      return { kind: 'reacquire', afterMs: waitMs(reacquireMaxMs) };
    case 'StoreUnavailableError':
    case 'RegistryError':
      return { kind: 'retry', afterMs: waitMs(retryMaxMs) };
    default:
      return { kind: 'throw' };
  }
}
