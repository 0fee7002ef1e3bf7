const dayMs = 86_400_000;

/** Below it, people are told: a day, or a fifth of a short retention. */
export const timeToLossBoundMs = (retentionMs: number): number => Math.min(dayMs, retentionMs / 5);

/** Over only well above the bound, so that a backlog on the edge is one ticket. */
const overAt = 1.5;

export function decideTimeToLoss(leftMs: number, retentionMs: number): 'raise' | 'resolve' | 'keep' {
  const boundMs = timeToLossBoundMs(retentionMs);
  if (leftMs < boundMs) return 'raise';
  return leftMs >= boundMs * overAt ? 'resolve' : 'keep';
}
