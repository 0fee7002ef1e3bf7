import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { onceThere } from './once-there.js';
import { Readiness } from './readiness.js';
import { Shutdown } from './shutdown.js';

const need = { check: 'schemas', service: 'the schema registry', variable: 'SCHEMA_REGISTRY_URL' };

function ground() {
  const logger = pino({ enabled: false });
  return { logger, readiness: new Readiness('dedupe'), shutdown: new Shutdown(logger, 1_000) };
}

describe('what a start waits for', () => {
  it('is named by readiness until it is there', async () => {
    const on = ground();
    let answer: (() => void) | undefined;
    const there = onceThere(on, need, () => new Promise<string>((resolve) => (answer = () => resolve('ids'))));
    const missing = (await on.readiness.report()).checks['schemas'];
    expect(missing).toMatchObject({
      ok: false,
      missing: expect.stringContaining('registry'),
      mend: expect.stringContaining('SCHEMA_REGISTRY_URL'),
    });
    answer!();
    expect(await there).toBe('ids');
    on.readiness.register('other', () => ({ ok: true })); // A fresh round.
    expect((await on.readiness.report()).ready).toBe(true);
  });

  it('is asked again after an error that may pass, and not after one that a person has to mend', async () => {
    let asked = 0;
    const ask = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) throw Object.assign(new Error('refused'), { retryable: true });
      throw Object.assign(new Error('not registered'), { retryable: false });
    };
    await expect(onceThere(ground(), need, ask)).rejects.toThrow('not registered');
    expect(asked).toBe(2);
  });
});
