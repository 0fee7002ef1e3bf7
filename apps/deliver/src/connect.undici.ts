import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { request } from 'node:http';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { OutboundGuard } from '#libs/config/src/index.js';
import { rotating } from '#libs/credentials/src/credentials.module.js';
import type { TlsSource } from '#libs/credentials/src/index.js';

export type ConnectOptions = Readonly<{
  origin: string;
  timeoutMs: number;
  /** Whom we may call; asked of the host as named, and of each address after DNS. */
  outbound: OutboundGuard;
  /** PEM; for partners with a private authority. */
  ca?: string;
  /** Our certificate and the partner's authorities, as they are now. */
  tls?: TlsSource | null;
  /** On the way to the partner; it is asked to connect to it, and resolves its name. */
  proxy?: Proxy | null;
  /** As `dns.lookup`, which it is unless a test says otherwise. */
  resolve?: typeof dnsLookup;
}>;

/** `authorization` is asked for with each connection, since secrets change under way; null: none. */
export type Proxy = Readonly<{ url: string; authorization(): string | null }>;

const connectMaxMs = 5_000;
const headersMaxBytes = 16 * 1024;
const REFUSED_ADDRESS = 'HF_ADDRESS_REFUSED';

/**
 * Connects to one origin. An address is refused after DNS, at the moment of connecting, and it is the looked-up address that is
 * connected to: a name cannot change its mind between a check and the use.
 *
 * Through a proxy it is the proxy's address that is looked up and guarded. The partner's name is resolved over there, so of it only
 * what is written can be judged: a private address or name is refused all the same.
 */
export function guardedConnector(options: ConnectOptions): buildConnector.connector {
  const { origin, proxy, outbound } = options;
  if (!proxy) return directConnector(options);
  // Our certificate is the partner's to see, not the proxy's.
  const toProxy = directConnector({ ...options, origin: proxy.url, tls: null });
  const fixed = { ...tlsOf(options), timeout: timeoutOf(options) };
  const secure = rotating(options.tls ?? null, (pems) => buildConnector({ ...fixed, ...pems }));
  const host = hostOf(origin);
  return (to, callback) => {
    if (!outbound.allowsHost(host)) return callback(refusal(host), null);
    const { hostname, host: proxyHost, protocol, port } = new URL(proxy.url);
    toProxy({ hostname, host: proxyHost, protocol, port }, (error, socket) => {
      if (error) return callback(error, null);
      tunnel(socket, { to: authorityOf(origin), proxy, timeoutMs: timeoutOf(options) }, (failed) => {
        if (failed) {
          socket.destroy();
          return callback(failed, null);
        }
        if (to.protocol !== 'https:') return callback(null, socket);
        return secure({ ...to, httpSocket: socket }, callback);
      });
    });
  };
}

function directConnector(options: ConnectOptions): buildConnector.connector {
  const { origin, outbound, resolve = dnsLookup } = options;
  const host = hostOf(origin);
  // A host that is allowed by name may lead anywhere; every other only to addresses that may be called.
  const isNamed = outbound.isNamed(host);
  const lookup: LookupFunction = (hostname, wanted, callback) => {
    resolve(hostname, { ...wanted, all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, '');
      const allowed = isNamed ? found : found.filter(({ address }) => outbound.allowsAddress(address));
      const [first] = allowed;
      if (!first) return callback(refusal(`${hostname} leads to ${found.map(({ address }) => address).join(', ')}`), '');
      return wanted.all ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
  const fixed = { ...tlsOf(options), timeout: timeoutOf(options), lookup };
  const connect = rotating(options.tls ?? null, (pems) => buildConnector({ ...fixed, ...pems }));
  return (to, callback) => {
    if (isIP(host) !== 0 && !isNamed && !outbound.allowsAddress(host)) return callback(refusal(host), null);
    return connect(to, callback);
  };
}

type Tunnel = Readonly<{ to: string; proxy: Proxy; timeoutMs: number }>;

/** CONNECT, and nothing of the delivery before the proxy has agreed. */
function tunnel(socket: Socket, { to, proxy, timeoutMs }: Tunnel, done: (error: Error | null) => void): void {
  const authorization = proxy.authorization();
  const asking = request({
    method: 'CONNECT',
    path: to,
    headers: { host: to, ...(authorization !== null && { 'proxy-authorization': authorization }) },
    createConnection: () => socket,
    maxHeaderSize: headersMaxBytes,
    timeout: timeoutMs,
  });
  const failed = (code: string, message: string): void => done(Object.assign(new Error(message), { code }));
  asking.once('connect', (answer, _socket, head) => {
    asking.removeAllListeners();
    if (answer.statusCode !== 200) return failed('HF_PROXY_REFUSED', `the proxy answers ${answer.statusCode} and does not connect`);
    if (head.length > 0) socket.unshift(head);
    return done(null);
  });
  asking.once('response', ({ statusCode }) => {
    asking.removeAllListeners().on('error', () => {});
    failed('HF_PROXY_REFUSED', `the proxy answers ${statusCode} and does not connect`);
  });
  asking.once('timeout', () => asking.destroy(new Error('the proxy did not answer')));
  asking.once('error', ({ message }) => {
    asking.removeAllListeners().on('error', () => {});
    failed('HF_PROXY_UNREACHABLE', message);
  });
  asking.end();
}

const timeoutOf = ({ timeoutMs }: ConnectOptions): number => Math.min(connectMaxMs, timeoutMs);
const tlsOf = ({ ca }: ConnectOptions) => ({ allowH2: false, minVersion: 'TLSv1.2' as const, ...(ca !== undefined && { ca }) });
const hostOf = (origin: string): string => new URL(origin).hostname.replace(/^\[|\]$/g, '');
function authorityOf(origin: string): string {
  const { hostname, port, protocol } = new URL(origin);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

const refusal = (where: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${where}: a private or reserved address; list its network in outbound.allow if it is meant`), {
    code: REFUSED_ADDRESS,
  });
