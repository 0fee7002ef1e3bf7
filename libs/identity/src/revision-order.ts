const digitsMax = 99;
const textMax = 64;
const integer = /^-?\d+$/;
const instant = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)$/;

/**
 * A key whose byte order is the order of revisions: two integers numerically, two RFC 3339 times as instants, everything else by
 * UTF-8 bytes. Kinds are kept apart (integers before times before texts), since an order over mixed kinds would run in circles.
 *
 * Only `[0-9a-z]`, at most 130 characters. Texts that agree in their first 64 bytes count as equal, and equal never supersedes.
 */
export function revisionOrder(revision: string): string {
  const text = revision.trim();
  if (integer.test(text)) {
    const negative = text.startsWith('-');
    const digits = text.replace(/^-?0*/, '') || '0';
    if (digits.length <= digitsMax) return negative && digits !== '0' ? `i0${complement(sized(digits))}` : `i1${sized(digits)}`;
  }
  const time = instant.exec(text);
  if (time) {
    const ms = Date.parse(`${time[1]}T${time[2]}${time[4]!.toUpperCase()}`);
    // From the year 0000 on, so that no time is negative.
    if (Number.isFinite(ms)) return `t${String(ms + 62_167_219_200_000).padStart(16, '0')}${(time[3] ?? '').padEnd(9, '0')}`;
  }
  return `u${Buffer.from(text, 'utf8').subarray(0, textMax).toString('hex')}`;
}

const sized = (digits: string): string => String(digits.length).padStart(2, '0') + digits;
const complement = (digits: string): string => digits.replace(/\d/g, (digit) => String(9 - Number(digit)));
