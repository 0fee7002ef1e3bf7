import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';

// Goal: an app's exit codes and last words are what the supervisor relies on. Method: real processes, real signals.
const entry = new URL('index.js', import.meta.url).href;
type App = { script: string; hasStarted?: boolean };

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Starts an app of one line, waits for its first line of log when asked, and answers code and log at its end. */
async function run({ script, hasStarted }: App, signal?: NodeJS.Signals) {
  const source = `import { runApp } from '${entry}'; const hold = setInterval(() => {}, 50); await runApp({ app: 'dedupe', shutdownMaxMs: 300, ${script} });`;
  const env = { ...process.env, ADMIN_PORT: String(await freePort()), NODE_OPTIONS: '' };
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  const started = new Promise<void>((resolve) =>
    child.stdout.on('data', (chunk: Buffer) => ((log += chunk.toString()), log.includes('"started"') && resolve())),
  );
  const ended = once(child, 'close') as Promise<[number]>;
  if (hasStarted) await started;
  if (signal) child.kill(signal);
  const [code] = await ended;
  return { code, log };
}

describe('runApp', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('ends orderly on %s', async (signal) => {
    const { code, log } = await run(
      { script: `start: async ({ logger }) => ({ close: async () => logger.info('left the group') })`, hasStarted: true },
      signal,
    );
    expect(code).toBe(0);
    expect(log).toContain('left the group');
  });

  it('ends with 1 and says what hung past its bound', async () => {
    const { code, log } = await run({ script: `start: async () => ({ close: () => new Promise(() => {}) })`, hasStarted: true }, 'SIGTERM');
    expect(code).toBe(1);
    expect(log).toContain('shutdown hung in: settle (application)');
  });

  it.each([
    ['a start that fails', `start: async () => { throw new Error('no brokers', { cause: new Error('refused') }); }`, 'refused'],
    [
      'an unhandled rejection',
      `start: async () => { setTimeout(() => void Promise.reject(new Error('forgotten')), 5); return { close: async () => {} }; }`,
      'forgotten',
    ],
    [
      'an uncaught exception',
      `start: async () => { setTimeout(() => { throw new RangeError('broken'); }, 5); return { close: async () => {} }; }`,
      'broken',
    ],
  ])('ends with 1 on %s, with its cause in the log', async (_name, script, told) => {
    const { code, log } = await run({ script });
    expect(code).toBe(1);
    expect(log).toContain('"level":"fatal"');
    expect(log).toContain(told);
  });

  it('lives on when kafkajs drops one of its own retriable errors, and says so', async () => {
    const drop = `setTimeout(() => void Promise.reject(Object.assign(new Error('moved'), { name: 'KafkaJSProtocolError', retriable: true })), 5)`;
    const { code, log } = await run({
      script: `start: async () => { ${drop}; setTimeout(() => process.kill(process.pid, 'SIGTERM'), 100); return { close: async () => {} }; }`,
    });
    expect(code).toBe(0);
    expect(log).toContain('escaped its room');
  });
});
