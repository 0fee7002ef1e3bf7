import type { Probe } from '#libs/breaker/src/index.js';
import type { Outcome } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { Sender } from './deliver.ports.js';
import type { Credentials } from './render-request.js';

export type HealthProbeParts = Readonly<{ url: string; sender: Sender; credentials: Credentials; clock: Clock; timeoutMs: number }>;

/** Asks a partner's health URL on behalf of its breaker: GET, on the same way out as deliveries and with their credentials. 2xx: it is well. */
export function healthProbe({ url, sender, credentials, clock, timeoutMs }: HealthProbeParts): Probe {
  const { pathname, search } = new URL(url);
  return async () => {
    const deadline = { wallMs: clock.nowMs() + timeoutMs, monotonicMs: clock.monotonicMs() + timeoutMs };
    const request = { method: 'GET', path: `${pathname}${search}`, headers: { ...credentials() }, body: null };
    const outcome = await sender.send(request, deadline);
    return outcome.kind === 'responded' && outcome.status >= 200 && outcome.status < 300
      ? { ok: true, cause: '' }
      : { ok: false, cause: `its health URL ${saidBy(outcome)}` };
  };
}

function saidBy(outcome: Outcome): string {
  if (outcome.kind === 'responded') return `answered ${outcome.status}`;
  return outcome.kind === 'not-sent' ? 'could not be asked in time' : `did not answer (${outcome.code})`;
}
