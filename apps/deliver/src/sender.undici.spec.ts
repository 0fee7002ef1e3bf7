import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createHttp, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { outboundGuard } from '#libs/config/src/index.js';
import { systemClock, type Clock } from '#libs/kafka/src/index.js';
import type { Deadline, OutboundRequest } from './deliver.ports.js';
import { UndiciSender, type SenderOptions } from './sender.undici.js';

// Goal: before and after are told apart rightly, the deadline bounds the whole, answers are bounded, nothing is sent twice.
// Method: small servers that misbehave in one way each.
const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const dev = outboundGuard({ dev: true, allow: [] });
const request: OutboundRequest = { method: 'POST', path: '/a', headers: { 'content-type': 'text/plain' }, body: Buffer.from('hello') };
const inMs = (ms: number, clock: Clock = systemClock): Deadline => ({ wallMs: clock.nowMs() + ms, monotonicMs: clock.monotonicMs() + ms });

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
async function http(listener: RequestListener): Promise<string> {
  const server = createHttp(listener);
  closing.push(() => server.closeAllConnections());
  return listening(server);
}
async function tcp(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  const origin = await listening(server);
  closing.push(() => sockets.forEach((socket) => socket.destroy()));
  return origin;
}
function sender(origin: string, over: Partial<SenderOptions> = {}): UndiciSender {
  const one = new UndiciSender({ origin, maxInFlight: 4, timeoutMs: 1_000, outbound: dev, clock: systemClock, ...over });
  closing.push(() => one.close());
  return one;
}

describe('UndiciSender', () => {
  it('says what the partner says is left of its quota, also beside a 429', async () => {
    const origin = await http((_incoming, response) => response.writeHead(429, { 'retry-after': '3', ratelimit: '"a";r=0;t=3' }).end());
    const outcome = await sender(origin).send(request, inMs(1_000));
    expect(outcome).toMatchObject({ status: 429, retryAfterMs: 3_000, rateLimit: { remaining: 0, resetMs: 3_000 } });
  });

  it('hands the request over as it is, and the answer back', async () => {
    const seen: string[] = [];
    const origin = await http((incoming, response) => {
      incoming.on('data', (chunk) => seen.push(`${incoming.method} ${incoming.url} ${incoming.headers['content-type']} ${chunk}`));
      incoming.on('end', () => response.writeHead(201).end('made'));
    });
    expect(await sender(origin).send(request, inMs(1_000))).toEqual({ kind: 'responded', status: 201, retryAfterMs: null, body: 'made' });
    expect(seen).toEqual(['POST /a text/plain hello']);
  });

  it('hands on the headers that somebody asked for, and no others', async () => {
    const origin = await http((_, response) => response.writeHead(200, { 'X-A': '1', 'X-B': ['2', '3'], 'X-C': '4' }).end());
    const outcome = await sender(origin, { answerHeaders: ['x-a', 'x-b', 'x-none'] }).send(request, inMs(1_000));
    expect(outcome).toMatchObject({ status: 200, headers: { 'x-a': '1', 'x-b': '2, 3' } });
    expect(outcome).not.toHaveProperty('headers.x-c');
  });

  it('takes a 2xx whose body breaks off for no answer where its meaning stands in the body, and a refusal for one', async () => {
    const breaking = (code: number) =>
      http((_, response) => {
        response.writeHead(code, { 'content-length': '100' }).write('{"er');
        setTimeout(() => response.destroy(), 20);
      });
    const [fine, refused] = [await breaking(200), await breaking(422)];
    expect(await sender(fine, { needsBody: true }).send(request, inMs(1_000))).toMatchObject({ when: 'after', code: 'HF_ANSWER_CUT' });
    expect(await sender(fine).send(request, inMs(1_000))).toMatchObject({ kind: 'responded', status: 200 });
    expect(await sender(refused, { needsBody: true }).send(request, inMs(1_000))).toMatchObject({ kind: 'responded', status: 422 });
  });

  it('reads Retry-After, and follows no redirect', async () => {
    const origin = await http((incoming, response) => {
      incoming.resume();
      response.writeHead(302, { location: '/elsewhere', 'retry-after': '3' }).end();
    });
    expect(await sender(origin).send(request, inMs(1_000))).toMatchObject({ status: 302, retryAfterMs: 3_000 });
  });

  it('knows that a refused connection sent nothing', async () => {
    expect(await sender('http://127.0.0.1:1').send(request, inMs(1_000))).toMatchObject({
      kind: 'unreachable',
      when: 'before',
      code: 'ECONNREFUSED',
    });
  });

  it('knows that an unknown name sent nothing', async () => {
    const outcome = await sender('http://nobody.invalid').send(request, inMs(3_000));
    expect(outcome).toMatchObject({ kind: 'unreachable', when: 'before' });
  });

  it('does not know what became of a request whose connection was reset', async () => {
    const origin = await tcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await sender(origin).send(request, inMs(1_000))).toMatchObject({ kind: 'unreachable', when: 'after' });
  });

  it('does not know what became of a request on a connection that closes', async () => {
    const origin = await tcp((socket) => socket.once('data', () => socket.end()));
    expect(await sender(origin).send(request, inMs(1_000))).toMatchObject({ kind: 'unreachable', when: 'after' });
  });

  it('ends at its deadline without an answer, and does not know', async () => {
    const origin = await tcp(() => {});
    const began = performance.now();
    expect(await sender(origin).send(request, inMs(150))).toMatchObject({ kind: 'unreachable', when: 'after', code: 'HF_DEADLINE' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(145);
    expect(performance.now() - began).toBeLessThan(600);
  });

  it('hands nothing over behind its deadline, by either clock', async () => {
    let requests = 0;
    const origin = await http((incoming, response) => {
      requests++;
      incoming.resume();
      response.end();
    });
    const one = sender(origin);
    expect(await one.send(request, { ...inMs(1_000), wallMs: systemClock.nowMs() - 1 })).toEqual({ kind: 'not-sent' });
    expect(await one.send(request, { ...inMs(1_000), monotonicMs: systemClock.monotonicMs() - 1 })).toEqual({ kind: 'not-sent' });
    expect(requests).toBe(0);
  });

  it('looks at the deadline again when the connection is there', async () => {
    let requests = 0;
    const origin = await http(() => requests++);
    // The clock jumps while the connection is made, as when a machine was suspended.
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
    const sending = sender(origin, { clock }).send(request, inMs(1_000));
    aheadMs = 60_000;
    expect(await sending).toEqual({ kind: 'not-sent' });
    await sleep(50);
    expect(requests).toBe(0);
  });

  it('takes the status for the answer, whatever becomes of the body', async () => {
    const broken = await tcp((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart');
        setTimeout(() => socket.resetAndDestroy(), 50);
      }),
    );
    expect(await sender(broken).send(request, inMs(1_000))).toMatchObject({ kind: 'responded', status: 200 });
    const dripping = await http((incoming, response) => {
      incoming.resume();
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const began = performance.now();
    expect(await sender(dripping).send(request, inMs(200))).toMatchObject({ kind: 'responded', status: 200 });
    expect(performance.now() - began).toBeLessThan(600);
  });

  it('reads no more of an answer than its bound, and keeps less', async () => {
    const origin = await http((incoming, response) => {
      incoming.resume();
      response.end('y'.repeat(incoming.url === '/small' ? 3_000 : 10_000_000));
    });
    const one = sender(origin);
    const kept = (await one.send(request, inMs(1_000))) as { body: string | null };
    expect(kept.body?.length ?? 0).toBeLessThanOrEqual(1_024);
    const small = (await one.send({ ...request, path: '/small' }, inMs(1_000))) as { body: string };
    expect(small.body).toBe('y'.repeat(1_024));
  });

  it('keeps to its connections, one request each', async () => {
    let open = 0;
    let most = 0;
    const origin = await http((incoming, response) => {
      most = Math.max(most, ++open);
      incoming.resume();
      setTimeout(() => {
        open--;
        response.end();
      }, 20);
    });
    const one = sender(origin, { maxInFlight: 3 });
    await Promise.all(Array.from({ length: 12 }, () => one.send(request, inMs(1_000))));
    expect(most).toBe(3);
  });

  it('refuses private addresses outside dev: named, after DNS, and mapped into IPv6', async () => {
    const outbound = outboundGuard({ dev: false, allow: [] });
    for (const origin of [
      'http://127.0.0.1:9',
      'http://localhost:9',
      'http://[::ffff:127.0.0.1]:9',
      'http://10.1.2.3:9',
      'http://[::1]:9',
    ]) {
      expect(await sender(origin, { outbound }).send(request, inMs(1_000))).toMatchObject({
        kind: 'unsendable',
        code: 'HF_ADDRESS_REFUSED',
      });
    }
    const allowed = outboundGuard({ dev: false, allow: ['127.0.0.0/8'] });
    expect(await sender('http://127.0.0.1:1', { outbound: allowed }).send(request, inMs(1_000))).toMatchObject({
      kind: 'unreachable',
      when: 'before',
    });
  });

  it('goes on after a partner that closes idle connections', async () => {
    const origin = await http((incoming, response) => {
      incoming.resume();
      response.writeHead(200, { connection: 'close' }).end();
    });
    const one = sender(origin, { maxInFlight: 1 });
    for (let n = 0; n < 5; n++) expect(await one.send(request, inMs(1_000))).toMatchObject({ kind: 'responded', status: 200 });
  });
});
