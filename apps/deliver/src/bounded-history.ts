import type { HistoryEntry } from '#libs/domain/src/index.js';

/** What is kept of a delivery's attempts, over all hops: the first ones and the last ones tell the story. */
export const historyMax = 16;
/** Of errors and bodies, in all: a history has to fit into its record, whatever partners answer. */
export const historyMaxBytes = 8 * 1024;
const historyKeepFirst = 4;
const endsMaxBytes = historyMaxBytes / 2;

export function boundedHistory(history: readonly HistoryEntry[]): HistoryEntry[] {
  const kept =
    history.length <= historyMax ? [...history] : [...history.slice(0, historyKeepFirst), ...history.slice(historyKeepFirst - historyMax)];
  return lighter(kept);
}

/** Bodies go first, from the middle outwards to the newest; the first entry and the last keep theirs longest. */
function lighter(entries: HistoryEntry[]): HistoryEntry[] {
  let bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  for (let at = 1; at < entries.length - 1 && bytes > historyMaxBytes; at++) {
    bytes -= bytesOf(entries[at]!);
    entries[at] = { ...entries[at]!, body: null };
    bytes += bytesOf(entries[at]!);
  }
  for (let at = 1; at < entries.length - 1 && bytes > historyMaxBytes; at++) {
    bytes -= bytesOf(entries[at]!);
    entries[at] = { ...entries[at]!, error: null };
  }
  if (bytes <= historyMaxBytes) return entries;
  return entries.map((entry) => ({ ...entry, error: cut(entry.error, endsMaxBytes / 2), body: cut(entry.body, endsMaxBytes / 2) }));
}

const bytesOf = ({ error, body }: HistoryEntry): number => byteLength(error) + byteLength(body);
const byteLength = (text: string | null): number => (text === null ? 0 : Buffer.byteLength(text));

/** At a whole character. */
function cut(text: string | null, maxBytes: number): string | null {
  if (text === null || Buffer.byteLength(text) <= maxBytes) return text;
  return new TextDecoder().decode(Buffer.from(text).subarray(0, maxBytes)).replace(/\uFFFD+$/, '');
}
