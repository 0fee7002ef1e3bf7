/**
 * Takes secrets out of what is about to be told. Pure; used by every logger, and by whoever shows headers or a configuration.
 *
 * A key is judged by its letters alone (`X-Hub-Signature-256` is `xhubsignature`), at every depth. An object without a secret
 * is returned as it is, so an ordinary log line costs a walk and no copy.
 */
export const REDACTED = '[redacted]';

const DEPTH_MAX = 8;
const SECRET_ENDINGS = [
  'authorization',
  'cookie',
  'cookies',
  'signature',
  'secret',
  'secrets',
  'token',
  'password',
  'passwd',
  'apikey',
  'privatekey',
];

/** Whether a value under this key may never be told. */
export function isSecretKey(key: string): boolean {
  const letters = key.toLowerCase().replace(/[^a-z]/g, '');
  return SECRET_ENDINGS.some((ending) => letters.endsWith(ending)) || letters.includes('hmac');
}

/** `redis://user:password@host` becomes `redis://[redacted]@host`. */
export function redactText(text: string): string {
  return text.includes('://') ? text.replace(/:\/\/[^\s/@]+@/g, `://${REDACTED}@`) : text;
}

/** A value fit to be told: secrets replaced, bytes as their count, nesting bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return describeError(value, depth);
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (Array.isArray(value)) return redactArray(value, depth);
  return redactObject(value as Record<string, unknown>, depth);
}

/**
 * An error as plain data: type, code, message, stack and the chain of causes. Other properties stay out, because clients hang
 * requests with their headers on them.
 */
export function describeError(error: Error, depth = 0): Record<string, unknown> {
  const { code, retryable, cause } = error as { code?: unknown; retryable?: unknown; cause?: unknown };
  return {
    type: error.name,
    message: redactText(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof retryable === 'boolean' ? { retryable } : {}),
    ...(error.stack ? { stack: redactText(error.stack) } : {}),
    ...(cause !== undefined && depth < DEPTH_MAX ? { cause: redact(cause, depth + 1) } : {}),
  };
}

function redactArray(values: readonly unknown[], depth: number): readonly unknown[] {
  const told = values.map((value) => redact(value, depth + 1));
  return told.some((value, index) => value !== values[index]) ? told : values;
}

function redactObject(object: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(object)) {
    const value = object[key];
    const told = value !== null && value !== undefined && isSecretKey(key) ? REDACTED : redact(value, depth + 1);
    if (told !== value) (copy ??= { ...object })[key] = told;
  }
  return copy ?? object;
}
