import { afterEach, describe, expect, it } from '@jest/globals';
import { AdminServer } from './admin-server.js';
import { createMetrics } from './metrics.js';
import { failed, FRESH_MS, partly, passed, Readiness } from './readiness.js';

// Goal: /readyz follows reality, names what is missing, and a check that hangs or throws cannot hang the answer.
// Method: a hand-driven monotonic clock; the real server on a free port.
let open: AdminServer | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

async function world(checkMaxMs?: number) {
  let nowMs = 0;
  const readiness = new Readiness('dedupe', () => nowMs, checkMaxMs);
  open = new AdminServer({ readiness, metrics: createMetrics('dedupe', { defaults: false }), port: 0 });
  const port = await open.listen();
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return { readiness, port, get, pass: (ms: number) => void (nowMs += ms) };
}

describe('the admin server', () => {
  it('is ready only while every check passes, and says what is missing and how to mend it', async () => {
    const { readiness, get, pass } = await world();
    let isUp = false;
    readiness.register('kafka', () => passed);
    readiness.register('redis', () => (isUp ? passed : failed('redis://h does not answer', 'Start it, or set REDIS_URL.')));
    const down = await get('/readyz');
    expect(down.status).toBe(503);
    expect(JSON.parse(down.text)).toEqual({
      ready: false,
      app: 'dedupe',
      checks: { kafka: 'ok', redis: 'missing' },
      missing: [{ check: 'redis', missing: 'redis://h does not answer', mend: 'Start it, or set REDIS_URL.' }],
    });
    expect((await get('/metrics')).text).toContain('holdfast_ready{check="redis"} 0');
    isUp = true;
    pass(FRESH_MS + 1);
    expect((await get('/readyz')).status).toBe(200);
    isUp = false;
    pass(FRESH_MS + 1);
    expect((await get('/readyz')).status).toBe(503);
  });

  it('stays ready when one part of many is missing, and tells which', async () => {
    const { readiness, get } = await world();
    readiness.register('kafka', () => passed);
    readiness.register('source erp', () => partly('the topic erp.orders is missing', 'Create it.'));
    const answer = await get('/readyz');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      ready: true,
      checks: { kafka: 'ok', 'source erp': 'missing' },
      missing: [{ check: 'source erp', missing: 'the topic erp.orders is missing', mend: 'Create it.' }],
    });
  });

  it('asks once for many askers', async () => {
    const { readiness, get } = await world();
    let asked = 0;
    readiness.register('kafka', () => (asked++, passed));
    await Promise.all(Array.from({ length: 10 }, () => get('/readyz')));
    expect(asked).toBe(1);
  });

  it('counts a check that hangs as failed, and tells it to stop', async () => {
    const { readiness, get } = await world(20);
    let told: AbortSignal | null = null;
    readiness.register('postgres', (signal) => ((told = signal), new Promise(() => {})));
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('postgres did not answer within 20 ms');
    expect(told!.aborted).toBe(true);
  });

  it('counts a check that throws as failed', async () => {
    const { readiness, get } = await world();
    readiness.register('kafka', () => {
      throw new Error('no coordinator');
    });
    expect((await get('/readyz')).text).toContain('kafka: no coordinator');
  });

  it('lives while it is not ready', async () => {
    const { readiness, get } = await world();
    readiness.register('kafka', () => failed('x', 'y'));
    expect(await get('/livez')).toEqual({ status: 200, text: '{"live":true}' });
    expect((await get('/else')).status).toBe(404);
  });

  it('names the variable to change when its port is taken', async () => {
    const { port } = await world();
    const second = new AdminServer({ readiness: new Readiness('x'), metrics: createMetrics('ingest', { defaults: false }), port });
    await expect(second.listen()).rejects.toThrow(`admin port ${port} is in use; set ADMIN_PORT`);
  });
});
