// What the build is made from. Built-ins only: the bootstrap uses it before anything is installed.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['apps', 'libs', 'tools', 'test'];
const settings = ['tsconfig.json', 'package-lock.json'];
const stamp = join(root, 'dist/.sources');

/** Names, sizes and times of all sources in one digest: a change of any of them, or a file more or less, changes it. */
export function sourcesDigest() {
  const digest = createHash('sha256');
  const files = [...settings, ...rooms.flatMap((room) => filesBelow(room))].sort();
  for (const file of files) {
    const { size, mtimeMs } = statSync(join(root, file));
    digest.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return digest.digest('hex');
}

export function isBuilt() {
  try {
    return readFileSync(stamp, 'utf8') === sourcesDigest();
  } catch {
    return false;
  }
}

export function markBuilt(digest) {
  writeFileSync(stamp, digest);
}

function filesBelow(folder) {
  let entries = [];
  try {
    entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  } catch {
    return entries;
  }
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length));
}
