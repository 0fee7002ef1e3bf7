import { describe, expect, it } from '@jest/globals';
import { closedBreaker, foldByHand, type BreakerState } from '#libs/breaker/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { About, Said } from '#libs/notices/src/index.js';
import { longHoldMs, spanOf, tellCredentials, tellLongHolds, tellOutages, type TicketParts } from './tickets.js';

// Goal: an outage and a long hold say what an operator needs, and that they are over. Method: what is raised and resolved is written down.
function world(state: BreakerState, holds: readonly object[] = []) {
  const clock = new ManualClock();
  const told: string[] = [];
  const waiting: Promise<unknown>[] = [];
  const tell = (what: string) => (about: About, say: () => Promise<Said>) =>
    void waiting.push(
      say().then((said) => told.push(`${what} ${about.alert} ${said.text} [${said.runbook}] ${said.breaker ?? ''}${said.count ?? ''}`)),
    );
  const parts: TicketParts = {
    breakers: { states: () => [{ destination: 'portal', state }] },
    process: { holds: () => holds } as unknown as TicketParts['process'],
    notices: { raise: tell('raise'), resolve: tell('resolve') },
    clock,
    backlogOf: async () => ({ records: 12, oldestMs: clock.nowMs() - 3_700_000 }),
    runbookOf: () => null,
    troubles: new Map(),
    environment: 'test',
  };
  return { parts, told, clock, done: () => Promise.all(waiting) };
}
const sinceMs = new ManualClock().nowMs() - 3_900_000;
const opened = foldByHand(closedBreaker(0), { kind: 'manual', to: 'open', by: 'ada', reason: 'their move', atMs: sinceMs });

describe('tickets', () => {
  it('tell of an outage with its cause, backlog, age and probes', async () => {
    const { parts, told, done } = world(opened);
    tellOutages(parts);
    await done();
    expect(told).toEqual([
      'raise breaker nothing is sent to portal: opened by ada: their move; open for 1 h 5 min, 0 probes so far; 12 deliveries wait, the oldest for 1 h 1 min [docs/runbooks/breaker.md] open12',
    ]);
  });

  it('tell how long it was when it is over, and nothing of a breaker that never opened', async () => {
    const over = world(foldByHand(opened, { kind: 'manual', to: 'close', by: 'ada', reason: 'back', atMs: sinceMs + 60_000 }));
    tellOutages(over.parts);
    await over.done();
    expect(over.told).toEqual([
      'resolve breaker portal is back after 1 min 0 s and 0 probes: opened by ada: their move [docs/runbooks/breaker.md] closed',
    ]);
    const fine = world(closedBreaker(0));
    tellOutages(fine.parts);
    expect(fine.told).toEqual([]);
  });

  it('tell of a hold beyond its bound, not of one that is short or the breaker’s', async () => {
    const at = new ManualClock().nowMs();
    const hold = (reason: string, ageMs: number) => ({
      destination: 'portal',
      reason,
      sinceMs: at - ageMs,
      untilMs: null,
      detail: 'a token',
    });
    const told = async (...holds: object[]): Promise<string> => {
      const one = world(closedBreaker(0), holds);
      tellLongHolds(one.parts);
      await one.done();
      return one.told.join();
    };
    expect(await told(hold('auth', longHoldMs + 1_000))).toContain('raise long-hold portal has been held for 15 min 1 s: auth (a token)');
    expect(await told(hold('auth', longHoldMs - 1_000), hold('breaker', longHoldMs * 2))).toContain('resolve long-hold');
  });

  it('tell whose credentials do not work, of which environment, and that they work again', async () => {
    const one = world(closedBreaker(0));
    tellCredentials({ ...one.parts, troubles: new Map([['portal', 'no token (invalid_client, 3 times)']]) });
    tellCredentials({ ...one.parts, troubles: new Map([['portal', null]]) });
    tellCredentials(one.parts);
    await one.done();
    expect(one.told).toEqual([
      'raise credentials the credentials of portal in test do not work: no token (invalid_client, 3 times) [docs/runbooks/credentials.md] ',
      'resolve credentials the credentials of portal in test work again [docs/runbooks/credentials.md] ',
    ]);
  });

  it.each([
    [400, '0 s'],
    [59_000, '59 s'],
    [61_000, '1 min 1 s'],
    [14_400_000, '4 h 0 min'],
  ])('%d ms are %s', (ms, text) => expect(spanOf(ms)).toBe(text));
});
