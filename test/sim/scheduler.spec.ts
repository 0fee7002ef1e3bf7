import { describe, expect, it } from '@jest/globals';
import { Scheduler } from './scheduler.js';

// Goal: a run is decided by its seed alone, and a dead process never goes on.
const play = async (seed: number, crashAt = Infinity): Promise<string[]> => {
  const scheduler = new Scheduler(seed);
  const log: string[] = [];
  const worker = async (name: string) => {
    const one = scheduler.process(name);
    let calls = 0;
    for (let i = 0; i < 3; i++) {
      await one.interleave.before('write');
      log.push(`${name}${i}`);
      if (++calls === crashAt) one.crash();
      await one.interleave.after('write');
      await one.clock.sleep(10 * (i + 1));
    }
    log.push(`${name} ends`);
  };
  void worker('a');
  void worker('b');
  await scheduler.run({ stepsMax: 1_000, done: () => false });
  return log;
};

describe('Scheduler', () => {
  it('plays the same run for the same seed and another for another', async () => {
    expect(await play(1)).toEqual(await play(1));
    const runs = new Set(await Promise.all([1, 2, 3, 4, 5, 6].map(async (seed) => (await play(seed)).join())));
    expect(runs.size).toBeGreaterThan(1);
  });

  it('lets every process finish when nobody dies', async () => {
    expect((await play(7)).filter((line) => line.endsWith('ends'))).toHaveLength(2);
  });

  it('keeps the effect of a call and never answers it when its process died there', async () => {
    const log = await play(3, 2);
    expect(log).toContain('a1');
    expect(log).not.toContain('a2');
    expect(log.some((line) => line.endsWith('ends'))).toBe(false);
  });

  it('moves virtual time only', async () => {
    const scheduler = new Scheduler(1);
    const one = scheduler.process('a');
    const before = scheduler.now();
    let woke = 0;
    void one.clock.sleep(14_400_000).then(() => (woke = scheduler.now() - before));
    await scheduler.run({ stepsMax: 10, done: () => woke > 0 });
    expect(woke).toBe(14_400_000);
  });
});
