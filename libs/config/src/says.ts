const BETWEEN = '\u0000';

/** A fault's two halves in the one string that a schema can carry: what is wrong, and what mends it. */
export const says = (problem: string, mend: string): string => `${problem}${BETWEEN}${mend}`;

export function halves(message: string): { problem: string; mend: string | null } {
  const [problem, mend] = message.split(BETWEEN);
  return { problem: problem!, mend: mend ?? null };
}

/** The known word nearest to a mistyped one, when it is near enough to be meant (a third of its letters). */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance; stops counting at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
