/** A list's place as one opaque word; what a client sends back is checked like any other input. */
export type CursorParts = Readonly<{ atMs: number; id: string }>;

const ID_MAX_CHARS = 600;
const AT_MAX_MS = 8.64e15;

export const formatCursor = ({ atMs, id }: CursorParts): string => `${atMs}~${id}`;

/** Null: not one of ours. */
export function parseCursor(text: string): CursorParts | null {
  const at = /^(-?\d{1,16})~(.+)$/s.exec(text);
  if (!at || at[2]!.length > ID_MAX_CHARS || Math.abs(Number(at[1])) > AT_MAX_MS) return null;
  return { atMs: Number(at[1]), id: at[2]! };
}
