import { pino, type Bindings, type Logger as PinoLogger, type LoggerOptions } from 'pino';
import pretty from 'pino-pretty';
import { describeError, redact } from './redact.js';

export type Logger = PinoLogger;

/** Where lines go. `end` writes what is still buffered; call it last. */
export type LogSink = { write(line: string): void; flushSync?(): void };

export type LoggerChoices = Readonly<{
  app: string;
  /** `LOG_LEVEL`, default `info`. */
  level?: string;
  /** Default: when standard output is a terminal. */
  pretty?: boolean;
  /** Tests give their own. */
  sink?: LogSink;
}>;

/** Lines are collected up to this size before one write; they rest no longer than FLUSH_MS. */
const BUFFER_BYTES = 15 * 1024;
const FLUSH_MS = 250;

/**
 * One JSON object a line, with `app`, `time` (ISO), `level` as a word, `msg`, and `err` as type, code, message, stack and cause.
 * Secrets are taken out of every field at any depth (see redact.ts). Give a correlation id by `logger.child({ correlationId })`.
 */
export function createLogger(choices: LoggerChoices): Logger {
  const level = choices.level ?? process.env['LOG_LEVEL'] ?? 'info';
  const options: LoggerOptions = {
    level: level in pino.levels.values || level === 'silent' ? level : 'info',
    base: { app: choices.app },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => (error instanceof Error ? describeError(error) : redact(error)) },
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => redact(fields) as Record<string, unknown>,
    },
  };
  const logger = pino(options, choices.sink ?? standardOutput(choices.pretty ?? process.stdout.isTTY));
  // pino drops the formatter of bindings for child loggers; theirs pass the same sieve. Children of children inherit this.
  const child = Reflect.get(logger, 'child') as unknown as (this: Logger, bindings: Bindings, childOptions?: unknown) => Logger;
  Reflect.set(logger, 'child', function (this: Logger, bindings: Bindings, childOptions?: unknown) {
    return child.call(this, redact(bindings) as Bindings, childOptions);
  });
  return logger;
}

function standardOutput(isPretty: boolean): LogSink {
  if (isPretty) return pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  const destination = pino.destination({ dest: 1, sync: false, minLength: BUFFER_BYTES });
  // Without a timer the last lines before a quiet hour would be read an hour late.
  setInterval(() => destination.flush(), FLUSH_MS).unref();
  return destination;
}

/** Writes what is buffered; for the moment before the process ends. */
export function flushLogger(logger: Logger): void {
  const sink = (logger as unknown as Record<symbol, LogSink | undefined>)[pino.symbols.streamSym as symbol];
  try {
    sink?.flushSync?.();
  } catch {
    // The stream was not open yet, or is gone (EPIPE): there is nobody to tell.
  }
}

/** Nest speaks through pino as well; its start-up chatter is `debug`. Satisfies Nest's LoggerService by its shape. */
export function nestLogger(logger: Logger) {
  const context = (rest: unknown[]) => ({ context: rest.at(-1) });
  const tell =
    (level: 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...rest: unknown[]) => {
      if (message instanceof Error) return logger[level]({ err: message, ...context(rest) }, message.message);
      const detail = rest.length > 1 ? { detail: rest.slice(0, -1) } : {};
      logger[level]({ ...context(rest), ...detail }, typeof message === 'string' ? message : JSON.stringify(message));
    };
  return {
    log: tell('debug'),
    debug: tell('debug'),
    verbose: tell('debug'),
    warn: tell('warn'),
    error: tell('error'),
    fatal: tell('fatal'),
  };
}

/** How every app makes its Nest application. An error at the start is thrown to `runApp`, which tells its cause; Nest's default ends the process mutely. */
export const nestOptions = (logger: Logger) => ({ logger: nestLogger(logger), abortOnError: false });
