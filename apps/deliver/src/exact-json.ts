/** JSON with its large integers exact; null: it is none. */
export function parseExact(text: string | null): { value: unknown } | null {
  if (text === null) return null;
  try {
    return { value: JSON.parse(text, exactInteger) };
  } catch {
    return null;
  }
}

/** An integer that no double holds stays as it is written: rounded, this change would look like an older or a newer one. */
function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? source : value;
}
