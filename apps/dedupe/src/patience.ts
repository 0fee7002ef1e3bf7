import type { DedupePorts } from './dedupe.ports.js';
import { decideRecovery } from './decide-recovery.js';

/**
 * Asks again, with a bounded backoff, what nothing was written by: Redis and the registry. A partition waits here while they are
 * down; lag grows, readiness says why, and nothing passes unjudged. Errors: everything that is not theirs, at once; theirs, once
 * the signal was aborted.
 */
export async function patiently<T>(
  { clock, tell }: Pick<DedupePorts, 'clock' | 'tell'>,
  of: Readonly<{ partition: number; during: string; signal: AbortSignal }>,
  ask: () => Promise<T>,
): Promise<T> {
  const { partition, during, signal } = of;
  for (let failures = 0; ; failures += 1) {
    try {
      const answer = await ask();
      if (failures > 0) tell({ kind: 'going-on', partition });
      return answer;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const step = decideRecovery(error, failures);
      if (step.kind !== 'retry' || signal.aborted) throw error;
      tell({ kind: 'waiting', partition, during, afterMs: step.afterMs, error });
      await clock.sleep(step.afterMs, signal);
    }
  }
}
