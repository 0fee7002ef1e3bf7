import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import type { OutboundGuard } from '#libs/config/src/index.js';

export type WebhookPost = Readonly<{ post(url: string, body: string): Promise<void>; close(): Promise<void> }>;

const timeoutMs = 5_000;

/** Posts JSON to whom the outbound guard allows, asked of the name and of each address after DNS. Anything but 2xx rejects; redirects are not followed. */
export function webhookPost(outbound: OutboundGuard): WebhookPost {
  const agent = new Agent({
    connect: { timeout: timeoutMs, lookup: guarded(outbound) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  return {
    post: async (url, body) => {
      const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
      if (!outbound.allowsHost(host) || (isIP(host) !== 0 && !outbound.allowsAddress(host))) throw refusal(host);
      const answer = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, dispatcher: agent });
      answer.body.on('error', () => {}).destroy();
      if (answer.statusCode < 200 || answer.statusCode >= 300) throw new Error(`the webhook answered ${answer.statusCode}`);
    },
    close: () => agent.destroy(),
  };
}

const refusal = (where: string): Error =>
  new Error(`${where}: a private or reserved address; list its network in outbound.allow if it is meant`);

function guarded(outbound: OutboundGuard): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, '');
      const allowed = outbound.isNamed(hostname) ? found : found.filter(({ address }) => outbound.allowsAddress(address));
      const [first] = allowed;
      if (!first) return callback(refusal(hostname), '');
      return options.all ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}
