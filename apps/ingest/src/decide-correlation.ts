/** Which ids of a sender are taken over. Others are ignored, not refused: they are a courtesy, not part of the event. */
export const wellFormedCorrelationId = (text: string | undefined): text is string =>
  text !== undefined && /^[A-Za-z0-9._-]{8,128}$/.test(text);

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const TRACEPARENT_MAX_CHARS = 256;

/** W3C Trace Context, as version 00: a later version is read by its first four parts, as the standard asks. Null: not well-formed. */
export function readTraceparent(text: string | undefined): string | null {
  if (text === undefined || text.length > TRACEPARENT_MAX_CHARS) return null;
  const match = TRACEPARENT.exec(text);
  if (match === null) return null;
  const [, version, trace, parent, flags, rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined) || /^0+$/.test(trace!) || /^0+$/.test(parent!)) return null;
  return `00-${trace}-${parent}-${flags}`;
}
