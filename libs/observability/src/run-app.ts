import { AdminServer } from './admin-server.js';
import { createLogger, flushLogger, type Logger } from './logger.js';
import type { AppName } from './metric-catalogue.js';
import { createMetrics, type Metrics } from './metrics.js';
import { Readiness, failed, passed } from './readiness.js';
import { Shutdown } from './shutdown.js';

/** What every app stands on; handed to `start`. */
export type Ground<A extends AppName = AppName> = Readonly<{
  app: A;
  logger: Logger;
  metrics: Metrics<A>;
  /** `readiness.register('redis', () => …)` */
  readiness: Readiness;
  /** `shutdown.add('close', 'redis', () => redis.quit())` */
  shutdown: Shutdown;
}>;

export type AppDefinition<A extends AppName> = Readonly<{
  app: A;
  /**
   * Builds the application and opens it (Nest: `create`, then `listen`). What it returns is closed in the phase `settle`,
   * after the doors of `intake` and before the clients of `close`.
   */
  start(ground: Ground<A>): Promise<{ close(): Promise<unknown> }>;
  /** From the signal to the exit; then it exits with 1 and says what hung. Default 25 s (Kubernetes grants 30 s). */
  shutdownMaxMs?: number;
}>;

const SHUTDOWN_MAX_MS = 25_000;
const ADMIN_PORT_DEFAULT = 9100;

/**
 * Runs one app from its first line to its exit code; an app's `main.ts` is a call of this.
 *
 * Ends      SIGTERM, SIGINT: intake → settle (commit, leave the group) → close, exit 0, or 1 past `shutdownMaxMs`.
 *           A start that fails, an unhandled rejection, an uncaught exception: our bug or a configuration's; logged with its
 *           cause, exit 1, and the supervisor starts it again.
 */
export async function runApp<A extends AppName>(definition: AppDefinition<A>): Promise<void> {
  const { app, start } = definition;
  const logger = createLogger({ app });
  const metrics = createMetrics(app);
  const readiness = new Readiness(app);
  const shutdown = new Shutdown(logger, definition.shutdownMaxMs ?? SHUTDOWN_MAX_MS);
  const common = metrics as unknown as Metrics<AppName>;
  const admin = new AdminServer({ readiness, metrics: common, port: Number(process.env['ADMIN_PORT'] ?? ADMIN_PORT_DEFAULT) });
  let isStarted = false;
  readiness.register('started', () => {
    if (shutdown.stopping) return failed('the app is stopping', 'Send to another replica.');
    return isStarted ? passed : failed('the app is still starting', 'Wait; if it lasts, look into its log.');
  });
  const exit = (code: number): never => {
    flushLogger(logger);
    process.exit(code);
  };
  crashOnBugs(logger, exit);
  stopOnSignals({ logger, shutdown, exit });
  try {
    await admin.listen();
    shutdown.add('close', 'admin server', () => admin.close());
    const application = await start({ app, logger, metrics, readiness, shutdown });
    shutdown.add('settle', 'application', () => application.close());
    isStarted = true;
    logger.info('started');
  } catch (err) {
    if (shutdown.stopping) return;
    logger.fatal({ err }, `${app} could not start`);
    exit(1);
  }
}

function stopOnSignals(deps: { logger: Logger; shutdown: Shutdown; exit: (code: number) => never }): void {
  const { logger, shutdown, exit } = deps;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A terminal's Ctrl-C reaches the whole process group, and the supervisor signals as well: one end is enough.
      if (shutdown.stopping) return;
      logger.info({ signal }, 'stopping');
      void shutdown.run().then((isClean) => {
        logger.info({ isClean }, 'stopped');
        exit(isClean ? 0 : 1);
      });
    });
  }
}

function crashOnBugs(logger: Logger, exit: (code: number) => never): void {
  const crash = (origin: string) => (reason: unknown) => {
    const err = reason instanceof Error ? reason : new Error(String(reason));
    if (isRetriableClientError(err)) {
      logger.error({ err, origin }, 'a retriable error of the Kafka client escaped its room; it retries by itself');
      return;
    }
    logger.fatal({ err, origin }, 'a bug: the process ends and is started again');
    exit(1);
  };
  process.on('unhandledRejection', crash('unhandledRejection'));
  process.on('uncaughtException', crash('uncaughtException'));
}

/** kafkajs rejects promises nobody can hold (a heartbeat during a broker's restart); ending for these would turn a blip into an outage. */
function isRetriableClientError(error: Error): boolean {
  return error.name.startsWith('KafkaJS') && (error as { retriable?: boolean }).retriable === true;
}
