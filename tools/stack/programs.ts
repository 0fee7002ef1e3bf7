import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isProcessAlive } from './pid-file.js';
import { runMaven } from './maven.js';
import { StackError } from './stack-error.js';
import {
  embeddedRedisVersion,
  kafkaPom,
  kafkaVersion,
  postgresArtifact,
  postgresVersion,
  redisArtifact,
  redisBinary,
  redisMinVersion,
  registryArtifact,
  registryVersion,
} from './versions.js';

const run = promisify(execFile);
const platform = `${process.platform}-${process.arch}`;
const lockWaitMaxMs = 20 * 60_000;
const lockPollMs = 500;

/** Where downloaded programs are kept, apart from `HOLDFAST_DATA`, so that an empty data folder needs no download. */
export function programCache(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast');
}

type Say = (line: string) => void;

/** The folder with Kafka's jars. */
export function kafkaProgram(say: Say): Promise<string> {
  return cached(`kafka-${kafkaVersion}`, say, async (folder) => {
    await writeFile(join(folder, 'pom.xml'), kafkaPom);
    await runMaven(['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'libs')}`], folder, say);
  }).then((folder) => join(folder, 'libs'));
}

/** The runnable jar of the registry; its libraries lie beside it. */
export function registryProgram(say: Say): Promise<string> {
  return cached(`registry-${registryVersion}`, say, (folder) => unpack(registryArtifact, folder, say)).then((folder) =>
    join(folder, `apicurio-registry-app-${registryVersion}-runner.jar`),
  );
}

/** `redis-server` of the PATH when it is new enough, else the downloaded one. */
export async function redisProgram(say: Say): Promise<string> {
  if (await isSystemRedisUsable()) return 'redis-server';
  const binary = redisBinary(platform);
  if (!binary) throw new StackError(`There is no Redis to download for ${platform}. Install redis-server 6.2 or later, or set REDIS_URL.`);
  const folder = await cached(`redis-${embeddedRedisVersion}`, say, async (temporary) => {
    await unpack(redisArtifact, temporary, say);
    await chmod(join(temporary, binary), 0o755);
  });
  return join(folder, binary);
}

/** The folder that holds Postgres' `bin`, `lib` and `share`. */
export async function postgresProgram(say: Say): Promise<string> {
  const artifact = postgresArtifact(platform);
  if (!artifact) throw new StackError(`There is no Postgres to download for ${platform}. Set DATABASE_URL to one of your own.`);
  return cached(`postgres-${postgresVersion}`, say, async (folder) => {
    await unpack(artifact, folder, say);
    const archive = (await readdir(folder)).find((name) => name.endsWith('.txz'));
    if (!archive) throw new StackError(`${artifact} holds no .txz archive: the download is broken, start again.`);
    await run('tar', ['-xJf', archive], { cwd: folder }).catch((error: Error) => {
      throw new StackError(`Unpacking Postgres failed: ${error.message}\nInstall tar and xz: apt-get install -y tar xz-utils`);
    });
    await rm(join(folder, archive));
  });
}

async function unpack(artifact: string, folder: string, say: Say): Promise<void> {
  await runMaven(['dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], folder, say);
}

async function isSystemRedisUsable(): Promise<boolean> {
  const output = await run('redis-server', ['--version']).then(
    ({ stdout }) => stdout,
    () => '',
  );
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(output) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > redisMinVersion[0] || (Number(major) === redisMinVersion[0] && Number(minor) >= redisMinVersion[1]);
}

/**
 * The named folder of the cache, filled on first use. It is filled under another name and renamed when complete, so an interrupted download is never
 * taken for a whole one; a lock lets the second of two starts wait instead of loading everything twice.
 */
async function cached(name: string, say: Say, fill: (folder: string) => Promise<void>): Promise<string> {
  const cache = programCache();
  const target = join(cache, name);
  if (await exists(target)) return target;
  await mkdir(cache, { recursive: true });
  const unlock = await lock(join(cache, `${name}.lock`), say);
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
  const own = `${path}-${process.pid}`;
  await writeFile(own, String(process.pid));
  try {
    for (let waitedMs = 0; waitedMs < lockWaitMaxMs; waitedMs += lockPollMs) {
      const isTaken = await link(own, path).then(
        () => true,
        () => false,
      );
      if (isTaken) return () => rm(path, { force: true });
      const owner = Number(await readFile(path, 'utf8').catch(() => 0));
      if (owner && !isProcessAlive(owner)) await rm(path, { force: true });
      else if (waitedMs === 0) say(`waiting for process ${owner}, which is downloading the same`);
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
