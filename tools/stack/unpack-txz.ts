import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runMaven } from './maven.js';
import { StackError } from './stack-error.js';
import { mavenDependencyPlugin, unxzPom } from './versions.js';

const run = promisify(execFile);

/**
 * Unpacks `archive` in `folder`. Small Debian images have tar but not the xz that it calls, and Java is here anyway: then Ant's task, loaded with Maven,
 * takes xz' place.
 */
export async function unpackTxz(folder: string, archive: string, say: (line: string) => void): Promise<void> {
  try {
    await run('tar', ['-xJf', archive], { cwd: folder });
  } catch {
    say('tar cannot unpack .xz here (apt-get install xz-utils would help): loading a Java program that can');
    await unpackWithJava(folder, archive, say);
  }
  await rm(join(folder, archive));
}

async function unpackWithJava(folder: string, archive: string, say: (line: string) => void): Promise<void> {
  const [pom, build, tar, libs] = ['pom.xml', 'build.xml', 'unpacked.tar', 'ant'];
  await writeFile(join(folder, pom), unxzPom);
  await runMaven([`${mavenDependencyPlugin}:copy-dependencies`, `-DoutputDirectory=${join(folder, libs)}`], folder, say);
  await writeFile(join(folder, build), `<project default="go"><target name="go"><unxz src="${archive}" dest="${tar}"/></target></project>`);
  try {
    await run('java', ['-cp', join(libs, '*'), 'org.apache.tools.ant.Main', '-q', '-f', build], { cwd: folder });
    await run('tar', ['-xf', tar], { cwd: folder });
  } catch (error) {
    throw new StackError(`Unpacking ${archive} failed: ${(error as Error).message}\nInstall tar and xz: apt-get install -y tar xz-utils`);
  }
  for (const left of [pom, build, tar, libs]) await rm(join(folder, left), { recursive: true });
}
