import { describe, expect, it } from '@jest/globals';
import { Shutdown } from './shutdown.js';

// Goal: intake ends before settling, settling before clients close; a step that hangs or fails cannot hold the end.
const quiet = () => {
  const told: string[] = [];
  const tell = (...args: unknown[]) => void told.push(String(args.at(-1)));
  return { told, logger: { info: tell, error: tell } };
};
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('shutdown', () => {
  it('runs phase after phase, whatever order the steps were added in', async () => {
    const order: string[] = [];
    const shutdown = new Shutdown(quiet().logger, 1_000);
    const step = (name: string, ms: number) => async () => {
      order.push(`${name}…`);
      await later(ms);
      order.push(name);
    };
    shutdown.add('close', 'redis', step('redis', 1));
    shutdown.add('settle', 'lanes', step('lanes', 10));
    shutdown.add('intake', 'door', step('door', 20));
    shutdown.add('intake', 'poller', step('poller', 5));
    expect(await shutdown.run()).toBe(true);
    expect(order).toEqual(['door…', 'poller…', 'poller', 'door', 'lanes…', 'lanes', 'redis…', 'redis']);
  });

  it('goes on past a step that fails, and is not clean then', async () => {
    let closed = false;
    const shutdown = new Shutdown(quiet().logger, 1_000);
    shutdown.add('intake', 'door', () => Promise.reject(new Error('no')));
    shutdown.add('close', 'redis', () => void (closed = true));
    expect(await shutdown.run()).toBe(false);
    expect(closed).toBe(true);
  });

  it('ends at its bound and says what hung', async () => {
    const { told, logger } = quiet();
    const shutdown = new Shutdown(logger, 20);
    shutdown.add('settle', 'lanes', () => new Promise(() => {}));
    shutdown.add('settle', 'group', () => {});
    expect(await shutdown.run()).toBe(false);
    expect(told).toEqual(['shutdown hung in: settle (lanes)']);
  });

  it('ends once, however often it is asked', async () => {
    let runs = 0;
    const shutdown = new Shutdown(quiet().logger, 1_000);
    shutdown.add('intake', 'door', () => void runs++);
    await Promise.all([shutdown.run(), shutdown.run()]);
    expect([runs, shutdown.stopping]).toEqual([1, true]);
  });
});
