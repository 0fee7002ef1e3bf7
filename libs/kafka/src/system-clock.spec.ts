import { describe, expect, it } from '@jest/globals';
import { systemClock } from './system-clock.js';

describe('systemClock', () => {
  it('does not end a sleep of months at once: a delay line of 30 days would turn in circles', async () => {
    const enough = new AbortController();
    const long = systemClock.sleep(30 * 86_400_000, enough.signal).then(() => 'ended');
    expect(await Promise.race([long, systemClock.sleep(30).then(() => 'sleeps')])).toBe('sleeps');
    enough.abort();
    expect(await long).toBe('ended');
  });
});
