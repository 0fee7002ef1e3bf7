#!/usr/bin/env node
// Runs before `npm start` and `npm test`, also on a fresh clone, so it uses nothing but Node's own modules.
// It installs when the lock file asks for something that is not there, builds when a source has changed, and says nothing when there is nothing to do.
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBuilt } from './sources.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const nodeMinMajor = 20;
const javaMinMajor = 17;
const addressVariables = ['KAFKA_BROKERS', 'REDIS_URL', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL'];

requireNode();
if (!process.argv.includes('--no-services')) requireStack();
install();
build();

function requireNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= nodeMinMajor) return;
  stop(`Node ${process.versions.node} is too old: ${nodeMinMajor} or later is needed (the apps then bring their own).`, {
    apt: 'apt-get install -y nodejs npm   # or a newer one from https://nodejs.org',
    brew: 'brew install node',
  });
}

/** The services need an engine for containers, or Java and Maven; none of them when all four addresses are given. */
function requireStack() {
  if (addressVariables.every((name) => process.env[name])) return;
  if (process.env.HOLDFAST_STACK !== 'native' && answers('docker', ['version', '--format', '{{.Server.Version}}'])) return;
  const java = answers('java', ['-version']);
  const major = java && Number(/version "(?:1\.)?(\d+)/.exec(java)?.[1] ?? 0);
  const javaIsMissing = !major || major < javaMinMajor;
  const mavenIsMissing = !isOnPath('mvn');
  if (!javaIsMissing && !mavenIsMissing) return;
  const lacking = [
    ...(javaIsMissing ? [`Java ${javaMinMajor} or later${java ? ` (found ${major})` : ''}`] : []),
    ...(mavenIsMissing ? ['Maven'] : []),
  ];
  stop(
    `Kafka, Redis, the registry and Postgres need either a Docker engine that answers, or Java ${javaMinMajor} with Maven. Missing: ${lacking.join(' and ')}.`,
    { apt: 'apt-get install -y openjdk-17-jre-headless maven', brew: 'brew install openjdk@17 maven' },
    `Or give the addresses of services that run already: ${addressVariables.join(', ')}.`,
  );
}

function install() {
  if (isInstalled()) return;
  if (!isOnPath('npm')) stop('npm is not on the PATH.', { apt: 'apt-get install -y npm', brew: 'brew install node' });
  console.error('installing the packages of package-lock.json (once)');
  // The warnings left out here are about the system's Node, which only starts the one that is being installed.
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}

function build() {
  if (isBuilt()) return;
  console.error('building');
  const bundled = join(root, 'node_modules/node/bin/node');
  run(existsSync(bundled) ? bundled : process.execPath, [join(root, 'tools/build.mjs')]);
}

/** npm writes what it has installed into node_modules when it is done; that is compared with what the lock file asks for. */
function isInstalled() {
  const folder = join(root, 'node_modules');
  if (!existsSync(folder)) return false;
  // A linked folder belongs to another clone, which looks after it.
  if (lstatSync(folder).isSymbolicLink()) return true;
  const have = packagesOf(join(folder, '.package-lock.json'));
  const wanted = packagesOf(join(root, 'package-lock.json'));
  return Object.entries(wanted).every(([path, { version, optional, devOptional, peer }]) => {
    if (path === '') return true;
    return have[path] ? have[path].version === version : Boolean(optional || devOptional || peer);
  });
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder && existsSync(join(folder, program)));
}

/** What a program prints when it ends well within its bound; otherwise undefined. Java prints its version as if it were an error. */
function answers(file, args) {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? `${stdout}${stderr}` : undefined;
}

function run(file, args) {
  const { status } = spawnSync(file, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

function stop(message, { apt, brew }, also) {
  console.error([message, `  Debian, Ubuntu: ${apt}`, `  macOS:          ${brew}`, ...(also ? [also] : [])].join('\n'));
  process.exit(1);
}
