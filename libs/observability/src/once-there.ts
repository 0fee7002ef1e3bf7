import { setTimeout as sleep } from 'node:timers/promises';
import type { Ground } from './run-app.js';
import { failed, passed } from './readiness.js';

export type StartNeed = Readonly<{
  /** The name of its readiness check, which passes from then on. */
  check: string;
  service: string;
  variable: string;
}>;

const askAgainMs = 1_000;

/**
 * What a start needs of a service that may not be there yet: asked again until it answers, said once in the log and by `/readyz`
 * all the time, while `/livez` answers. What a person has to mend (an error that is not `retryable`) is thrown.
 */
export async function onceThere<T>(
  { logger, shutdown, readiness }: Pick<Ground, 'logger' | 'shutdown' | 'readiness'>,
  { check, service, variable }: StartNeed,
  ask: () => Promise<T>,
): Promise<T> {
  let why = 'it has not answered yet';
  readiness.register(check, () => failed(`${service}: ${why}`, `Start it or mend ${variable}; the app goes on by itself.`));
  for (let told = false; ; told = true) {
    try {
      const answer = await ask();
      readiness.register(check, () => passed);
      return answer;
    } catch (error) {
      if ((error as { retryable?: unknown }).retryable !== true || shutdown.stopping) throw error;
      why = (error as Error).message;
      if (!told) logger.warn({ err: error }, `waits for ${service}`);
      await sleep(askAgainMs);
    }
  }
}
