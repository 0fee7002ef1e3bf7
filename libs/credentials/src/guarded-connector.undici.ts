import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { OutboundGuard } from '#libs/config/src/index.js';
import type { TlsSource } from './tls-source.js';

type Parts = Readonly<{ outbound: OutboundGuard; tls: TlsSource | null; timeoutMs: number }>;

/** Connects to whom we may call only: each address is looked at after DNS, at the moment of connecting. */
export function guardedConnector({ outbound, tls, timeoutMs }: Parts): buildConnector.connector {
  const guarded: LookupFunction = (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, '');
      const allowed = outbound.isNamed(hostname) ? found : found.filter(({ address }) => outbound.allowsAddress(address));
      const [first] = allowed;
      if (!first) return callback(refusal(`${hostname} leads to ${found.map(({ address }) => address).join(', ')}`), '');
      return options.all ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
  const connect = rotating(tls, (pems) => buildConnector({ timeout: timeoutMs, allowH2: false, lookup: guarded, ...pems }));
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !outbound.isNamed(host) && !outbound.allowsAddress(host)) return callback(refusal(host), null);
    return connect(options, callback);
  };
}

type Pems = ReturnType<TlsSource>;

/** A connector made anew when a certificate or key has changed; connections that stand go on with what they began with. */
export function rotating(tls: TlsSource | null, build: (pems: Partial<Pems>) => buildConnector.connector): buildConnector.connector {
  if (tls === null) return build({});
  let made: { pems: Pems; connect: buildConnector.connector } | null = null;
  return (options, callback) => {
    const pems = tls();
    if (made?.pems !== pems) made = { pems, connect: build(pems) };
    return made.connect(options, callback);
  };
}

const refusal = (where: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${where}: a private or reserved address; list its network in outbound.allow if it is meant`), {
    code: 'HF_ADDRESS_REFUSED',
  });
