import { describe, expect, it } from '@jest/globals';
import { flatLine } from './flat-line.js';
import { createLogger } from './logger.js';

// Goal: nobody can tell a flat line from the logger's own. Method: both write the same fields, and the lines are compared.
describe('flatLine', () => {
  const lines: string[] = [];
  const logger = createLogger({ app: 'deliver', level: 'info', sink: { write: (line) => void lines.push(line) } });
  const written = () => lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);

  it.each([
    { id: 'a', status: 200, reason: undefined },
    { id: 'quote " back \\ line\n\u2028 end', status: 0, reason: null },
    { id: 'redis://user:word@host/1', status: -1.5, reason: 'x' },
    { id: 'a lone \ud800 and a pair \u{1f600}, \u0000', status: Number.NaN, reason: true },
  ])('writes what the logger writes: %j', (fields) => {
    flatLine(logger, 'info', 'delivery settled', ['id', 'status', 'reason'])(fields);
    logger.info(fields, 'delivery settled');
    const [flat, own] = written();
    expect({ ...flat, time: '' }).toEqual({ ...own, time: '' });
    expect(Object.keys(flat!)).toEqual(Object.keys(own!));
    expect(Date.parse(String(flat!['time']))).toBeGreaterThan(Date.now() - 10_000);
  });

  it('is silent below the level', () => {
    const quiet = createLogger({ app: 'deliver', level: 'error', sink: { write: (line) => void lines.push(line) } });
    flatLine(quiet, 'warn', 'text', ['id'])({ id: 'a' });
    expect(written()).toEqual([]);
  });

  it('refuses a key that could name a secret', () =>
    expect(() => flatLine(logger, 'info', 'text', ['x-api-key'])).toThrow('a field named x-api-key is never told'));
});
