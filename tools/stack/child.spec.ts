/**
 * Goal: nothing that was started is left behind, and nothing that is not ours is ended.
 * Method: real processes that do nothing (`sleep`, small shells), one folder a test.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Child, endSurvivor, type ChildSpec } from './child.js';
import { KeptAlive } from './kept-alive.js';
import { commandLine, isProcessAlive, writePidFile } from './pid-file.js';

let folder: string;
let output: string;
const children: Child[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-child-'));
  output = '';
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** A shell that runs `script`; the folder stands in its command line. */
function shell(script: string, spec: Partial<ChildSpec> = {}): Child {
  const child = new Child({
    name: 'sleeper',
    command: async () => ({ file: '/bin/sh', args: ['-c', script, folder] }),
    stopSignal: 'SIGTERM',
    stopMaxMs: 2_000,
    readyMaxMs: 1_000,
    pidFile: join(folder, 'run', 'sleeper.pid'),
    marker: folder,
    output: (chunk) => (output += chunk.toString()),
    ...spec,
  });
  children.push(child);
  return child;
}

async function until(isTrue: () => boolean, what: string, waitMaxMs = 5_000): Promise<void> {
  for (const deadline = performance.now() + waitMaxMs; !isTrue(); await sleep(20)) {
    if (performance.now() > deadline) throw new Error(`not within ${waitMaxMs} ms: ${what}`);
  }
}

const isGone = (pid: number): boolean => !isProcessAlive(pid) || commandLine(pid) === '';

describe('a child', () => {
  it('is ended politely, with all it has started, and its pid file goes with it', async () => {
    const child = shell('sleep 60 & echo $!; wait');
    await child.start();
    await until(() => output.includes('\n'), 'the grandchild is told');
    const grandchild = Number(output);
    const pid = child.pid!;
    expect(existsSync(child.spec.pidFile)).toBe(true);
    await child.stop();
    expect(isGone(pid)).toBe(true);
    expect(isGone(grandchild)).toBe(true);
    expect(existsSync(child.spec.pidFile)).toBe(false);
  });

  it('is killed when it does not end within its bound', async () => {
    const child = shell("trap '' TERM; echo up; while :; do sleep 0.05; done", { stopMaxMs: 200 });
    await child.start();
    await until(() => output.includes('up'), 'it runs');
    const pid = child.pid!;
    await child.stop();
    expect(isGone(pid)).toBe(true);
  });

  it('says its last lines when it ends while it starts', async () => {
    const child = shell('echo no such file; exit 3', { probe: () => Promise.reject(new Error('not yet')) });
    await child.start();
    await expect(child.ready()).rejects.toThrow(/sleeper ended while it started.\nno such file/);
  });

  it('says what it lacks when it is not ready within its bound', async () => {
    const child = shell('sleep 60', { probe: () => Promise.reject(new Error('no controller yet')), readyMaxMs: 200 });
    await child.start();
    await expect(child.ready()).rejects.toThrow(/not ready after 0.2 s \(no controller yet\)/);
  });

  it('is told as ended when its program does not exist', async () => {
    const child = shell('', { command: async () => ({ file: join(folder, 'gone'), args: [] }), probe: () => Promise.reject(new Error()) });
    await child.start();
    await sleep(50);
    await expect(child.ready()).rejects.toThrow(/ENOENT/);
  });

  it('that was stopped while it was being prepared never starts', async () => {
    const child = shell('sleep 60', { prepare: () => sleep(100) });
    const starting = child.start();
    await child.stop();
    await expect(starting).rejects.toThrow(/stopped while it started/);
    expect(child.pid).toBeUndefined();
  });
});

describe('a survivor of an earlier supervisor', () => {
  it('is ended when it is still the process that was meant', async () => {
    const old = spawn('/bin/sh', ['-c', 'sleep 60', folder], { detached: true, stdio: 'ignore' });
    const pidFile = join(folder, 'old.pid');
    await writePidFile(pidFile, { pid: old.pid!, marker: folder });
    expect(await endSurvivor({ pidFile, stopSignal: 'SIGTERM', stopMaxMs: 2_000 })).toBe(true);
    expect(isGone(old.pid!)).toBe(true);
    expect(existsSync(pidFile)).toBe(false);
  });

  it('is left alone when its number now belongs to somebody else', async () => {
    const other = spawn('/bin/sh', ['-c', 'sleep 60'], { detached: true, stdio: 'ignore' });
    const pidFile = join(folder, 'old.pid');
    await writePidFile(pidFile, { pid: other.pid!, marker: folder });
    expect(await endSurvivor({ pidFile, stopSignal: 'SIGTERM', stopMaxMs: 2_000 })).toBe(false);
    expect(isGone(other.pid!)).toBe(false);
    process.kill(-other.pid!, 'SIGKILL');
  });
});

describe('the reaper', () => {
  it('ends the children of a process that is killed with -9', async () => {
    const module = JSON.stringify(new URL('./reaper.js', import.meta.url).href);
    const script = `
      const { watch } = await import(${module});
      const { spawn } = await import('node:child_process');
      const child = spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' });
      watch(child.pid);
      console.log(child.pid);
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
    `;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(1);
    await until(() => isGone(pid), 'the sleeper is gone');
  });
});

describe('a child that is kept alive', () => {
  it('is started again when it dies, and that is said with its last lines', async () => {
    const said: string[] = [];
    const child = shell('echo going down; sleep 60');
    const keeper = new KeptAlive(child, (line) => said.push(line));
    await child.start();
    await until(() => output.includes('going down'), 'it runs');
    const first = child.pid!;
    await child.kill();
    await until(() => child.pid !== undefined && child.pid !== first, 'it runs again');
    expect(said).toEqual(['sleeper killed by SIGKILL; starting it again in 0.5 s', '  sleeper: going down']);
    await keeper.stop();
    expect(child.pid).toBeUndefined();
  });

  it('waits longer each time, and no longer once it is stopped', async () => {
    const said: string[] = [];
    const keeper = new KeptAlive(shell('exit 7'), (line) => said.push(line));
    await keeper.child.start();
    await until(() => said.length === 2, 'two ends');
    await keeper.stop();
    expect(said).toEqual(['sleeper ended with 7; starting it again in 0.5 s', 'sleeper ended with 7; starting it again in 1 s']);
    await sleep(1_200);
    expect(said).toHaveLength(2);
  });
});
