/**
 * Compiles patterns of event types: `*` matches any run of characters, dots included; all else stands for itself.
 * Linear in the type's length for any pattern, so that no sender can make a match slow.
 */
export function typeMatcher(patterns: readonly string[]): (type: string) => boolean {
  const cut = patterns.map((pattern) => pattern.split('*'));
  return (type) => cut.some((pieces) => matches(pieces, type));
}

function matches(pieces: readonly string[], type: string): boolean {
  const first = pieces[0]!;
  if (pieces.length === 1) return type === first;
  const last = pieces[pieces.length - 1]!;
  if (!type.startsWith(first) || !type.endsWith(last) || type.length < first.length + last.length) return false;
  let from = first.length;
  const end = type.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const at = type.indexOf(piece, from);
    if (at < 0 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
