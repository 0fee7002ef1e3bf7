import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessAlive } from './pid-file.js';
import { StackError } from './stack-error.js';

const lockWaitMaxMs = 20 * 60_000;
const lockPollMs = 500;

/** Where downloaded programs are kept, apart from `HOLDFAST_DATA`, so that an empty data folder needs no download. */
export function programCache(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast');
}

/** Takes one line of progress. */
export type Say = (line: string) => void;

/**
 * The named folder of the cache, filled on first use. It is filled under another name and renamed when complete, so an interrupted download is never
 * taken for a whole one. One lock for all lets the second of two starts wait instead of loading everything twice, and keeps two Mavens out of one
 * local repository, which they could damage.
 */
export async function cached(name: string, say: Say, fill: (folder: string) => Promise<void>, cache = programCache()): Promise<string> {
  const target = join(cache, name);
  if (await exists(target)) return target;
  await mkdir(cache, { recursive: true });
  const unlock = await lock(join(cache, 'download.lock'), say);
  try {
    if (await exists(target)) return target;
    say(`downloading ${name} with Maven into ${cache} (once)`);
    const temporary = join(cache, `.${name}-${randomBytes(4).toString('hex')}`);
    await mkdir(temporary);
    try {
      await fill(temporary);
      await rename(temporary, target);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    say(`downloaded ${name}`);
    return target;
  } finally {
    await unlock();
  }
}

/** A lock file that holds its owner's process id; one whose owner is gone is taken over. Linking makes it appear with its content, or not at all. */
async function lock(path: string, say: Say): Promise<() => Promise<void>> {
  const own = `${path}-${randomBytes(4).toString('hex')}`;
  await writeFile(own, String(process.pid));
  try {
    for (let waitedMs = 0; waitedMs < lockWaitMaxMs; waitedMs += lockPollMs) {
      const isTaken = await link(own, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
          return false;
        },
      );
      if (isTaken) return () => rm(path, { force: true });
      const owner = Number(await readFile(path, 'utf8').catch(() => 0));
      if (owner && !isProcessAlive(owner)) await rm(path, { force: true });
      else if (waitedMs === 0 && owner !== process.pid) say(`waiting for process ${owner}, which is downloading`);
      await sleep(lockPollMs);
    }
  } finally {
    await rm(own, { force: true });
  }
  throw new StackError(`Waited too long for another download. If no other start is running, remove ${path}.`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
