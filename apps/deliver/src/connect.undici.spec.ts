import 'reflect-metadata';
import { createServer as createHttp, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect as connectTcp, createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import type { lookup as dnsLookup } from 'node:dns';
import * as x509 from '@peculiar/x509';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { outboundGuard } from '#libs/config/src/index.js';
import { systemClock } from '#libs/kafka/src/index.js';
import type { Deadline, OutboundRequest } from './deliver.ports.js';
import { UndiciSender, type SenderOptions } from './sender.undici.js';

// Goal: nobody outside chooses whom we call: not a name that changes its mind, not a redirect, not a proxy; and TLS is TLS 1.2 or later.
// Method: real sockets on loopback addresses, of which only some are allowed; names are resolved by a resolver that lies.
const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let cert: string;
let key: string;
beforeAll(async () => void ({ cert, key } = await selfSigned()));

async function selfSigned(validity: { notBefore?: Date; notAfter?: Date } = {}): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      name: 'CN=partner.test',
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'partner.test' }])],
    },
    crypto,
  );
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: made.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

const request: OutboundRequest = { method: 'POST', path: '/a', headers: { 'content-type': 'text/plain' }, body: Buffer.from('hello') };
const inMs = (ms: number): Deadline => ({ wallMs: Date.now() + ms, monotonicMs: systemClock.monotonicMs() + ms });

async function on<S extends Pick<Server, 'listen' | 'close' | 'address'>>(server: S, address = '127.0.0.1', port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  // Tunnels are no HTTP connections any more: every socket is ended by itself.
  const sockets = new Set<Socket>();
  (server as unknown as Server).on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function counting(answer: (incoming: IncomingMessage) => { status: number; headers?: Record<string, string> } = () => ({ status: 200 })) {
  const seen: string[] = [];
  const server = createHttp((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    incoming.resume();
    const { status, headers = {} } = answer(incoming);
    response.writeHead(status, { ...headers, connection: 'close' }).end();
  });
  return { seen, server };
}

function open(origin: string, over: Partial<SenderOptions> = {}): UndiciSender {
  const outbound = outboundGuard({ dev: false, allow: ['127.0.0.2'] });
  const one = new UndiciSender({ origin, maxInFlight: 2, timeoutMs: 2_000, outbound, clock: systemClock, ...over });
  closing.push(() => one.close());
  return one;
}

/** Resolves each name to the next of these. */
function lying(...answers: readonly string[][]): { resolve: typeof dnsLookup; asked: string[] } {
  const asked: string[] = [];
  const resolve = (
    name: string,
    _options: unknown,
    callback: (error: null, found: { address: string; family: number }[]) => void,
  ): void => {
    asked.push(name);
    const found = answers[Math.min(asked.length, answers.length) - 1]!;
    setImmediate(() =>
      callback(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );
  };
  return { resolve: resolve as unknown as typeof dnsLookup, asked };
}

/** A proxy that connects wherever it is asked to, on its own resolver's word: everything is at `port` of this machine. */
async function proxyAt(port: number, address = '127.0.0.2', status = 200): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createHttp((incoming, response) => response.writeHead(incoming.method === 'CONNECT' ? 200 : 400).end());
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    asked.push(incoming);
    socket.on('error', () => {});
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const far = connectTcp(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    closing.push(() => void far.on('error', () => {}).destroy());
  });
  return { url: `http://${address}:${await on(server, address)}`, asked };
}

describe('an address', () => {
  it('is looked at again with every connection: a name that leads elsewhere the second time is refused', async () => {
    const { server, seen } = counting();
    const port = await on(server, '127.0.0.2');
    const inside = counting();
    await on(inside.server, '127.0.0.1', port);
    const { resolve, asked } = lying(['127.0.0.2'], ['127.0.0.1']);
    const sender = open(`http://partner.test:${port}`, { resolve });
    expect(await sender.send(request, inMs(2_000))).toMatchObject({ kind: 'responded', status: 200 });
    expect(await sender.send(request, inMs(2_000))).toMatchObject({ kind: 'unsendable', code: 'HF_ADDRESS_REFUSED' });
    expect([seen, inside.seen, asked]).toEqual([['POST /a'], [], ['partner.test', 'partner.test']]);
  });

  it('of several is only called where it is allowed', async () => {
    const { server, seen } = counting();
    const port = await on(server, '127.0.0.2');
    const inside = counting();
    await on(inside.server, '127.0.0.1', port);
    const { resolve, asked } = lying(['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.0.0.2']);
    expect(await open(`http://partner.test:${port}`, { resolve }).send(request, inMs(2_000))).toMatchObject({ status: 200 });
    expect([seen.length, inside.seen.length, asked.length]).toEqual([1, 0, 1]);
  });

  it.each([['::ffff:7f00:1'], ['64:ff9b::7f00:1'], ['169.254.169.254'], ['0.0.0.0'], ['::'], ['fe80::1%lo']])(
    'that a name leads to: %s is refused',
    async (address) => {
      const { resolve } = lying([address]);
      const outcome = await open('http://partner.test:9', { resolve }).send(request, inMs(2_000));
      expect(outcome).toMatchObject({ kind: 'unsendable', code: 'HF_ADDRESS_REFUSED' });
    },
  );

  it.each([['http://2130706433:9'], ['http://0x7f.1:9'], ['http://017700000001:9'], ['http://[::ffff:7f00:1]:9'], ['http://0:9']])(
    'that is written oddly: %s is refused',
    async (origin) => {
      expect(await open(origin).send(request, inMs(2_000))).toMatchObject({ kind: 'unsendable', code: 'HF_ADDRESS_REFUSED' });
    },
  );

  it.each([301, 302, 303, 307, 308])('behind a redirect (%i) is not called', async (status) => {
    const inside = counting();
    const location = `http://127.0.0.1:${await on(inside.server)}/admin`;
    const { server } = counting(() => ({ status, headers: { location } }));
    const port = await on(server, '127.0.0.2');
    expect(await open(`http://127.0.0.2:${port}`).send(request, inMs(2_000))).toMatchObject({ kind: 'responded', status });
    expect(inside.seen).toEqual([]);
  });
});

describe('a proxy', () => {
  it('is asked for the partner by name, with its own credentials, and sees nothing of the delivery before it agrees', async () => {
    const { server, seen } = counting();
    const proxy = await proxyAt(await on(server));
    const sender = open('http://partner.test:8080', { proxy: { url: proxy.url, authorization: () => 'Basic dTpw' } });
    expect(await sender.send(request, inMs(2_000))).toMatchObject({ kind: 'responded', status: 200 });
    expect(seen).toEqual(['POST /a']);
    expect(proxy.asked.map(({ url, headers }) => [url, headers['proxy-authorization']])).toEqual([['partner.test:8080', 'Basic dTpw']]);
  });

  it('carries TLS with the partner, whose name is checked end to end', async () => {
    const server = createHttps({ cert, key }, (incoming, response) => void (incoming.resume(), response.end('inside')));
    const proxy = await proxyAt(await on(server));
    const way = { proxy: { url: proxy.url, authorization: () => null }, ca: cert };
    expect(await open('https://partner.test', way).send(request, inMs(2_000))).toMatchObject({ status: 200, body: 'inside' });
    expect(proxy.asked[0]!.url).toBe('partner.test:443');
    const outcome = await open('https://other.test', way).send(request, inMs(2_000));
    expect(outcome).toMatchObject({ kind: 'unsendable', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it.each([
    ['has run out', 'CERT_HAS_EXPIRED', -2, -1],
    ['begins later', 'CERT_NOT_YET_VALID', 1, 2],
  ])('leads to a partner whose certificate %s: it is down, and no delivery is at fault', async (_, code, from, to) => {
    const day = (n: number): Date => new Date(Date.now() + n * 86_400_000);
    const stale = await selfSigned({ notBefore: day(from), notAfter: day(to) });
    const proxy = await proxyAt(await on(createHttps(stale, (incoming) => void incoming.resume())));
    const way = { proxy: { url: proxy.url, authorization: () => null }, ca: stale.cert };
    expect(await open('https://partner.test', way).send(request, inMs(2_000))).toMatchObject({ kind: 'unreachable', when: 'before', code });
  });

  it.each([403, 407, 502])('that answers %i sent nothing on', async (status) => {
    const { server, seen } = counting();
    const proxy = await proxyAt(await on(server), '127.0.0.2', status);
    const sender = open('http://partner.test', { proxy: { url: proxy.url, authorization: () => null } });
    expect(await sender.send(request, inMs(2_000))).toMatchObject({ kind: 'unreachable', when: 'before', code: 'HF_PROXY_REFUSED' });
    expect(seen).toEqual([]);
  });

  it('that never answers is given up at the deadline, before anything was sent', async () => {
    const silent = createTcp((socket) => void socket.on('error', () => {}).resume());
    const url = `http://127.0.0.2:${await on(silent as unknown as Server, '127.0.0.2')}`;
    const sender = open('http://partner.test', { timeoutMs: 300, proxy: { url, authorization: () => null } });
    expect(await sender.send(request, inMs(300))).toMatchObject({ kind: 'unreachable', when: 'before' });
  });

  it('is itself called where that is allowed, and is no way around for a private partner', async () => {
    const { server, seen } = counting();
    const port = await on(server);
    const refused = await proxyAt(port, '127.0.0.1');
    const way = { authorization: () => null };
    expect(await open('http://partner.test', { proxy: { ...way, url: refused.url } }).send(request, inMs(2_000))).toMatchObject({
      kind: 'unsendable',
      code: 'HF_ADDRESS_REFUSED',
    });
    const allowed = await proxyAt(port);
    for (const origin of ['http://127.0.0.1:8080', 'http://localhost', 'http://[::ffff:10.0.0.1]']) {
      const sender = open(origin, { proxy: { ...way, url: allowed.url } });
      expect(await sender.send(request, inMs(2_000))).toMatchObject({ kind: 'unsendable', code: 'HF_ADDRESS_REFUSED' });
    }
    expect([seen, refused.asked, allowed.asked]).toEqual([[], [], []]);
  });
});

describe('an answer', () => {
  it('with more headers than are read is given up, and nobody knows', async () => {
    const { server } = counting(() => ({ status: 200, headers: { 'x-long': 'x'.repeat(40_000) } }));
    const port = await on(server, '127.0.0.2');
    expect(await open(`http://127.0.0.2:${port}`).send(request, inMs(2_000))).toMatchObject({ kind: 'unreachable', when: 'after' });
  });
});

describe('TLS', () => {
  it.each<['TLSv1.2' | 'TLSv1.1' | 'TLSv1', string]>([
    ['TLSv1.2', 'responded'],
    ['TLSv1.1', 'unreachable'],
    ['TLSv1', 'unreachable'],
  ])('%s: %s', async (maxVersion, kind) => {
    const server = createHttps(
      { cert, key, minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' },
      (incoming, response) => void (incoming.resume(), response.end()),
    );
    const port = await on(server, '127.0.0.2');
    const { resolve } = lying(['127.0.0.2']);
    expect(await open(`https://partner.test:${port}`, { resolve, ca: cert }).send(request, inMs(2_000))).toMatchObject({ kind });
  });
});
