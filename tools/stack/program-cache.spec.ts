/** Goal: a program in the cache is whole, however its download ended, and two starts at once download it once. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cached, programCache } from './program-cache.js';

let cache: string;
let said: string[];
const say = (line: string): void => void said.push(line);
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'holdfast-cache-'));
  said = [];
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

describe('the cache of programs', () => {
  it('lies apart from the data', () => {
    expect(programCache({ XDG_CACHE_HOME: '/c', HOLDFAST_DATA: '/d' })).toBe('/c/holdfast');
  });

  it('fills a folder once, also for two at the same time', async () => {
    let fills = 0;
    const fill = async (folder: string): Promise<void> => {
      fills++;
      await sleep(100);
      writeFileSync(join(folder, 'program'), 'whole');
    };
    const folders = await Promise.all([cached('p-1', say, fill, cache), cached('p-1', say, fill, cache)]);
    expect(folders).toEqual([join(cache, 'p-1'), join(cache, 'p-1')]);
    expect(await cached('p-1', say, fill, cache)).toBe(folders[0]);
    expect(fills).toBe(1);
    expect(readFileSync(join(cache, 'p-1', 'program'), 'utf8')).toBe('whole');
    expect(readdirSync(cache)).toEqual(['p-1']);
    expect(said).toEqual([`downloading p-1 with Maven into ${cache} (once)`, 'downloaded p-1']);
  });

  it('leaves nothing of a download that failed, and tries again next time', async () => {
    const broken = async (folder: string): Promise<void> => {
      writeFileSync(join(folder, 'program'), 'half');
      throw new Error('no network');
    };
    await expect(cached('p-1', say, broken, cache)).rejects.toThrow('no network');
    expect(readdirSync(cache)).toEqual([]);
    await cached('p-1', say, async (folder) => writeFileSync(join(folder, 'program'), 'whole'), cache);
    expect(existsSync(join(cache, 'p-1', 'program'))).toBe(true);
  });

  it('waits for another process that is downloading', async () => {
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 700)']);
    writeFileSync(join(cache, 'download.lock'), String(other.pid));
    await cached('p-1', say, async () => undefined, cache);
    expect(other.exitCode).toBe(0);
    expect(said[0]).toBe(`waiting for process ${other.pid}, which is downloading`);
  });

  it('takes over the lock of a process that is gone', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(join(cache, 'download.lock'), String(pid));
    await cached('p-1', say, async () => undefined, cache);
    expect(readdirSync(cache)).toEqual(['p-1']);
  });
});
