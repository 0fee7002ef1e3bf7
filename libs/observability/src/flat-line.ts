import { pino } from 'pino';
import type { Logger } from './logger.js';
import { isSecretKey, redactText } from './redact.js';

type Level = 'info' | 'warn';
type Flat = string | number | boolean | null | undefined;
type Innards = Readonly<Record<symbol, unknown>>;

/**
 * A line that is written thousands of times a second: the same as `logger[level](fields, message)` for fields without depth, at a
 * third of the cost. The keys are known beforehand, so they are judged once; texts pass the same sieve as everywhere.
 *
 * @throws RangeError when a key could name a secret
 */
export function flatLine<K extends string>(
  logger: Logger,
  level: Level,
  message: string,
  keys: readonly K[],
): (fields: Readonly<Partial<Record<K, Flat>>>) => void {
  const secret = keys.find(isSecretKey);
  if (secret !== undefined) throw new RangeError(`a field named ${secret} is never told`);
  const innards = logger as unknown as Innards;
  const stream = innards[pino.symbols.streamSym] as { write(line: string): void };
  const head = `{"level":"${level}","time":"`;
  const bindings = `"${String(innards[pino.symbols.chindingsSym])}`;
  const tail = `,"msg":${JSON.stringify(message)}}\n`;
  const named = keys.map((key) => [key, `,${JSON.stringify(key)}:`] as const);
  return (fields) => {
    if (!logger.isLevelEnabled(level)) return;
    let line = head + isoNow() + bindings;
    for (const [key, name] of named) {
      const value = fields[key];
      if (value !== undefined) line += name + (typeof value === 'string' ? JSON.stringify(redactText(value)) : String(value));
    }
    stream.write(line + tail);
  };
}

let isoMs = Number.NaN;
let iso = '';

/** Many lines are of the same millisecond. */
function isoNow(): string {
  const nowMs = Date.now();
  if (nowMs !== isoMs) iso = new Date((isoMs = nowMs)).toISOString();
  return iso;
}
