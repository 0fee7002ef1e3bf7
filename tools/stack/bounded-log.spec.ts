/** Goal: a service that talks a lot cannot fill the disk. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BoundedLog } from './bounded-log.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a bounded log', () => {
  it('keeps the newest lines and at most two files', () => {
    const log = new BoundedLog(join(folder, 'logs', 'kafka.log'), 100);
    for (let line = 0; line < 100; line++) log.write(Buffer.from(`line ${line}\n`));
    log.close();
    expect(readdirSync(join(folder, 'logs')).sort()).toEqual(['kafka.log', 'kafka.log.1']);
    const [older, newer] = ['kafka.log.1', 'kafka.log'].map((name) => readFileSync(join(folder, 'logs', name), 'utf8'));
    expect(newer).toMatch(/line 99\n$/);
    expect(older!.length + newer!.length).toBeLessThanOrEqual(200);
    const numbers = `${older}${newer}`.match(/\d+/g)!.map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index));
  });

  it('goes on in the file of the last start', () => {
    const path = join(folder, 'redis.log');
    for (const text of ['one\n', 'two\n']) {
      const log = new BoundedLog(path, 100);
      log.write(Buffer.from(text));
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });
});
