import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Pause, Pauses } from '../pauses.port.js';

const pauseOf = (by: string): Pause => ({ sinceMs: 1_700_000_000_000, by, reason: 'the partner migrates' });

/** The behaviour every Pauses owes its callers. */
export function pausesContract(name: string, open: () => Promise<Pauses>): void {
  describe(`Pauses contract: ${name}`, () => {
    it('tells who has paused what, until it is resumed', async () => {
      const pauses = await open();
      const [one, other] = [`d-${randomUUID()}`, `d-${randomUUID()}`];
      expect(await pauses.pause(one, pauseOf('ada'))).toBe(true);
      expect(await pauses.pause(other, pauseOf('bob'))).toBe(true);
      expect((await pauses.all()).get(one)).toEqual(pauseOf('ada'));
      expect(await pauses.resume(one)).toBe(true);
      const left = await pauses.all();
      expect([left.get(one), left.get(other)]).toEqual([undefined, pauseOf('bob')]);
    });

    it('keeps the first of two pauses, and says that the second changed nothing', async () => {
      const pauses = await open();
      const one = `d-${randomUUID()}`;
      await pauses.pause(one, pauseOf('ada'));
      expect(await pauses.pause(one, pauseOf('bob'))).toBe(false);
      expect((await pauses.all()).get(one)).toEqual(pauseOf('ada'));
    });

    it('says that there was nothing to resume', async () => {
      expect(await (await open()).resume(`d-${randomUUID()}`)).toBe(false);
    });
  });
}
