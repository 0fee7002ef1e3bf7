import { describe, expect, it } from '@jest/globals';
import type { AttemptMarks } from '#libs/delivery/src/index.js';
import { systemClock } from '#libs/kafka/src/index.js';
import { deliverBoundsDefault } from './deliver.config.js';
import { StandingKeeper, type Books } from './standing.js';

describe('StandingKeeper', () => {
  it('establishes again what was lost in the very moment it was established', async () => {
    const books = {
      current: () => ({ incarnation: 'i', number: 1, offset: 0, settled: [], redisIdentity: 'run:token' }),
      endOffset: async () => 0,
    } as unknown as Books;
    const marks = { identity: async () => 'run:token', register: async () => 'registered' } as unknown as AttemptMarks;
    const stop = new AbortController();
    let times = 0;
    const keeper: StandingKeeper = new StandingKeeper({
      books,
      marks,
      clock: systemClock,
      lease: { revoked: stop.signal, mayStart: () => true },
      stop: stop.signal,
      bounds: { ...deliverBoundsDefault, backoffFirstMs: 1 },
      quietMs: 0,
      claimed: () => [],
      redisForgot: () => {},
      // Redis goes away between its last answer and whoever waits for the standing.
      waits: (why) => void (why === null && ++times === 1 && keeper.unreachable(keeper.current()!)),
      out: () => {},
    });
    keeper.begin();
    const ready = await Promise.race([keeper.ready(), systemClock.sleep(1_000).then(() => 'never')]);
    stop.abort();
    expect({ ready, times }).toEqual({ ready: true, times: 2 });
  });
});
