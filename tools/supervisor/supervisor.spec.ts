/**
 * Goal: what `npm start` promises, whatever the apps are.
 * Method: a small repository of its own with the real supervisor in it, a CLI that only notes its calls and apps that only answer `/readyz`; the four
 * services are given as addresses of plain listeners. The real services have a test of their own (libs/testkit, stack.int.spec).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { apps } from '../apps.js';
import { freePorts, isPortFree } from '../stack/ports.js';
import { commandLine, isProcessAlive } from '../stack/pid-file.js';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const fakeCli = `
import { appendFileSync } from 'node:fs';
const args = process.argv.slice(2);
appendFileSync(process.env.CALLS, args.join(' ') + ' ' + (process.env.KAFKA_BROKERS ? 'with' : 'without') + ' addresses\\n');
if (process.env.WRONG && args[0] === 'check') { console.error('line 3: no such key'); process.exit(2); }
`;
const fakeApp = `
import http from 'node:http';
const lack = process.argv[1].includes(process.env.LACKING ?? 'none');
http.createServer((_, response) => {
  response.statusCode = lack ? 503 : 200;
  response.end(JSON.stringify({ missing: lack ? [{ check: 'kafka', missing: 'no broker.', mend: 'Start one.' }] : [] }));
}).listen(Number(process.env.ADMIN_PORT));
console.log(JSON.stringify({ app: process.argv[1].split('/').at(-3), pid: process.pid, kafka: process.env.KAFKA_BROKERS, ingest: process.env.INGEST_PORT }));
process.on('SIGTERM', () => { console.log(JSON.stringify({ msg: 'stopping' })); process.exit(0); });
`;

let root: string;
let listener: Server;
let environment: Record<string, string>;
let running: Run[] = [];

interface Run {
  process: ChildProcess;
  stdout(): string;
  stderr(): string;
  ended: Promise<number | null>;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-supervisor-'));
  for (const room of ['tools', 'libs/testkit']) cpSync(join(repository, 'dist', room), join(root, 'dist', room), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  cpSync(join(repository, 'package.json'), join(root, 'package.json'));
  mkdirSync(join(root, 'tools'));
  writeFileSync(join(root, 'tools/holdfast.mjs'), fakeCli);
  for (const { name } of apps) {
    mkdirSync(join(root, `dist/apps/${name}/src`), { recursive: true });
    writeFileSync(join(root, `dist/apps/${name}/src/main.js`), fakeApp);
  }
});

beforeEach(async () => {
  listener = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const services = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const [ingest, console, admin, partner] = (await freePorts(4)).map(String);
  writeFileSync(join(root, 'holdfast.yaml'), `destinations: [{ http: { url: 'http://127.0.0.1:${partner}/orders/{entity}' } }]\n`);
  environment = {
    ...{ KAFKA_BROKERS: services, REDIS_URL: `redis://:secret@${services}`, SCHEMA_REGISTRY_URL: `http://${services}` },
    ...{ DATABASE_URL: `postgres://holdfast:secret@${services}/holdfast`, HOLDFAST_DATA: join(root, 'data'), CALLS: join(root, 'calls') },
    ...{ INGEST_PORT: ingest!, CONSOLE_PORT: console!, ADMIN_PORT_BASE: admin!, HOLDFAST_CONFIG: '' },
  };
});

afterEach(async () => {
  for (const { process: child, ended } of running) {
    child.kill('SIGTERM');
    await ended;
  }
  running = [];
  await new Promise((resolve) => listener.close(resolve));
  for (const left of ['data', 'calls']) rmSync(join(root, left), { recursive: true, force: true });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** `npm start`, without npm. */
function start(more: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [join(root, 'dist/tools/start.js')], {
    cwd: root,
    env: { ...process.env, ...environment, ...more },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const run = { process: child, stdout: () => stdout, stderr: () => stderr, ended };
  running.push(run);
  return run;
}

async function until(isTrue: () => boolean, run: Run, waitMaxMs = 15_000): Promise<void> {
  for (const deadline = performance.now() + waitMaxMs; !isTrue(); await sleep(20)) {
    if (performance.now() > deadline) throw new Error(`not within ${waitMaxMs} ms\n${run.stdout()}\n${run.stderr()}`);
  }
}

const isReady = (run: Run) => () => run.stdout().includes('holdfast is ready\n');
const isGone = (pid: number): boolean => !isProcessAlive(pid) || commandLine(pid) === '';

/** What the apps have logged so far: each start's process id by app. */
function appStarts(run: Run): { app: string; pid: number; kafka: string; ingest: string }[] {
  const lines = run.stdout().split('\n');
  return lines.filter((line) => line.startsWith('{"app"')).map((line) => JSON.parse(line) as ReturnType<typeof appStarts>[number]);
}

describe('npm start', () => {
  it('prints where everything is, without passwords, and ready last; and ends all it started', async () => {
    const run = start();
    await until(isReady(run), run);
    const told = run
      .stdout()
      .split('\n')
      .filter((line) => line && !line.startsWith('{'));
    const services = environment['KAFKA_BROKERS']!;
    expect(told.filter((line) => !line.startsWith('partner '))).toEqual([
      `kafka ${services}`,
      `redis redis://:***@${services}`,
      `registry http://${services}`,
      `postgres postgres://holdfast:***@${services}/holdfast`,
      `ingest http://127.0.0.1:${environment['INGEST_PORT']}`,
      `console http://127.0.0.1:${environment['CONSOLE_PORT']}`,
      'holdfast is ready',
    ]);
    const calls = readFileSync(environment['CALLS']!, 'utf8').split('\n');
    expect(calls[0]).toMatch(/^check .*holdfast.yaml /);
    expect(calls.slice(1)).toEqual(['schemas register with addresses', 'topics apply with addresses', '']);
    const started = appStarts(run);
    expect(started.map(({ app }) => app).sort()).toEqual(apps.map(({ name }) => name).sort());
    expect(started[0]).toMatchObject({ kafka: services, ingest: environment['INGEST_PORT'] });

    run.process.kill('SIGINT');
    expect(await run.ended).toBe(0);
    for (const { pid } of started) expect(isGone(pid)).toBe(true);
    expect(run.stdout().match(/"stopping"/g)).toHaveLength(apps.length);
    expect(await isPortFree(Number(environment['INGEST_PORT']))).toBe(true);
  });

  it('starts an app again that dies, and says so', async () => {
    const run = start();
    await until(isReady(run), run);
    const first = appStarts(run).find(({ app }) => app === 'dedupe')!;
    process.kill(first.pid, 'SIGKILL');
    await until(() => appStarts(run).filter(({ app }) => app === 'dedupe').length === 2, run);
    expect(run.stderr()).toContain('dedupe killed by SIGKILL; starting it again in 0.5 s');
  });

  it('leaves no app behind when it is killed with -9, and starts again', async () => {
    const run = start();
    await until(isReady(run), run);
    const pids = appStarts(run).map(({ pid }) => pid);
    run.process.kill('SIGKILL');
    await run.ended;
    await until(() => pids.every(isGone), run);
    const again = start();
    await until(isReady(again), again);
  });

  it('refuses a second start on the same data folder', async () => {
    const run = start();
    await until(isReady(run), run);
    const second = start();
    expect(await second.ended).toBe(2);
    expect(second.stderr()).toMatch(/Process \d+ runs the stack of .* already. Stop it, or set HOLDFAST_DATA/);
    expect(run.process.exitCode).toBeNull();
  });

  it('ends with 2 on a wrong configuration, before it starts anything', async () => {
    const run = start({ WRONG: '1' });
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toContain('line 3: no such key');
    expect(run.stdout()).toBe('');
  });

  it('ends with 2 when there is no configuration', async () => {
    const run = start({ HOLDFAST_CONFIG: '/nowhere/holdfast.yaml' });
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toContain('There is no configuration at /nowhere/holdfast.yaml. Set HOLDFAST_CONFIG');
  });

  it('names a given address that does not answer', async () => {
    const [port] = await freePorts(1);
    const run = start({ DATABASE_URL: `postgres://holdfast:secret@127.0.0.1:${port}/holdfast` });
    expect(await run.ended).toBe(1);
    expect(run.stderr()).toContain(`Nothing answers on 127.0.0.1:${port}, which DATABASE_URL names.`);
    expect(run.stderr()).not.toContain('secret');
  });

  it('names the port that is taken and the variable that changes it', async () => {
    const run = start({ INGEST_PORT: environment['KAFKA_BROKERS']!.split(':')[1]! });
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toMatch(/Port \d+ for ingest is in use. .* set INGEST_PORT to another port./);
  });

  it('names the port of the demo partner that is taken, and the file that changes it', async () => {
    writeFileSync(
      join(root, 'holdfast.yaml'),
      `destinations: [{ http: { url: 'http://127.0.0.1:${environment['KAFKA_BROKERS']!.split(':')[1]}/orders' } }]\n`,
    );
    const run = start();
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toMatch(/partner simulator of the demo is in use. .* destination in holdfast.yaml another one./);
  });

  it("takes the signal that npm passes on beside the terminal's for the same Ctrl-C", async () => {
    const run = start();
    await until(isReady(run), run);
    run.process.kill('SIGINT');
    await until(() => run.stderr().includes('stopping'), run);
    run.process.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.stdout().match(/"msg":"stopping"/g)).toHaveLength(apps.length);
  });

  it('is not ready while an app is not, and can be ended meanwhile', async () => {
    const run = start({ LACKING: 'deliver' });
    await until(() => appStarts(run).length === apps.length, run);
    await sleep(500);
    expect(run.stdout()).not.toContain('holdfast is ready');
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });
});
