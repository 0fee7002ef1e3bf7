import { execFile } from 'node:child_process';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runMaven } from './maven.js';
import { cached, type Say } from './program-cache.js';
import { StackError } from './stack-error.js';
import { unpackTxz } from './unpack-txz.js';
import {
  embeddedRedisVersion,
  kafkaPom,
  kafkaVersion,
  mavenDependencyPlugin,
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

/** The folder with Kafka's jars. */
export function kafkaProgram(say: Say): Promise<string> {
  return cached(`kafka-${kafkaVersion}`, say, async (folder) => {
    await writeFile(join(folder, 'pom.xml'), kafkaPom);
    await runMaven(
      [`${mavenDependencyPlugin}:copy-dependencies`, '-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'libs')}`],
      folder,
      say,
    );
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
    await unpackTxz(folder, archive, say);
  });
}

async function unpack(artifact: string, folder: string, say: Say): Promise<void> {
  await runMaven([`${mavenDependencyPlugin}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], folder, say);
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
