import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { outboundGuard, Secret, type ClientAuthConfig, type OAuth2Config } from '#libs/config/src/index.js';
import { startAuthorizationServer } from '../../../test/fixtures/authorization-server.js';
import { UndiciTokenEndpoint } from './token-endpoint.undici.js';

// Goal: every way to show who we are works with a real server, and a failure is a value that tells no secret.
// Method: oidc-provider for what works; a server that answers as a test says for what does not.

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => void (await Promise.all(ends.splice(0).map((end) => end()))));

const ref = { kind: 'env', name: 'S' } as const;

function endpointAt(tokenUrl: string, secret: string, more: Partial<OAuth2Config> = {}, dev = true): UndiciTokenEndpoint {
  const config: OAuth2Config = {
    kind: 'oauth2',
    tokenUrl,
    clientId: 'holdfast',
    clientAuth: { kind: 'basic', secret: ref },
    scopes: ['orders.write'],
    audience: null,
    grant: { kind: 'client_credentials' },
    refreshAt: 0.75,
    timeoutMs: 10_000,
    tls: null,
    ...more,
  };
  const secrets = { get: () => [new Secret(secret)], close: () => {} };
  const endpoint = new UndiciTokenEndpoint({ config, secrets, outbound: outboundGuard({ dev, allow: [] }), tls: null });
  ends.push(() => endpoint.close());
  return endpoint;
}

async function serverWith(options: { secret: string }) {
  const server = await startAuthorizationServer({ clientId: 'holdfast', scope: 'orders.write', lifeS: 60, ...options });
  ends.push(() => server.close());
  return server;
}

async function answering(status: number, body: string, headers: Record<string, string> = {}): Promise<string> {
  const server = createServer(
    (_request, response) => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
}

describe('the token endpoint', () => {
  it('gives a token for a secret', async () => {
    const { tokenUrl } = await serverWith({ secret: 'pl4nted & spaced' });
    expect(await endpointAt(tokenUrl, 'pl4nted & spaced').ask(null)).toMatchObject({
      kind: 'granted',
      expiresInMs: 60_000,
      scope: 'orders.write',
      refreshToken: null,
    });
  });

  it('gives a token for an assertion signed with a private key', () => {
    const script = fileURLToPath(new URL('../../../test/fixtures/private-key-jwt.main.js', import.meta.url));
    const { stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 30_000 });
    expect(JSON.parse(stdout)).toEqual({ ES256: 'granted', RS256: 'granted' });
  });

  it('says that it refuses a wrong secret, and does not show it', async () => {
    const { tokenUrl } = await serverWith({ secret: 'right' });
    const answer = await endpointAt(tokenUrl, 'pl4nted-wrong').ask(null);
    expect(answer).toMatchObject({ kind: 'failed', failure: 'refused', code: 'invalid_client' });
    expect(JSON.stringify(answer)).not.toContain('pl4nted');
  });

  it.each<[number, string, Record<string, string>, object]>([
    [503, '{}', { 'retry-after': '7' }, { failure: 'unavailable', code: '503', retryAfterMs: 7_000 }],
    [429, '{}', {}, { failure: 'unavailable', code: '429' }],
    [
      400,
      '{"error":"invalid_grant","error_description":"pl4nted is used up"}',
      {},
      { failure: 'refused', code: 'invalid_grant', text: '[credentials] is used up' },
    ],
    [400, '{"error":"temporarily_unavailable"}', {}, { failure: 'unavailable', code: 'temporarily_unavailable' }],
    [404, 'nothing here', { 'content-type': 'text/html' }, { failure: 'refused', code: '404' }],
    [200, 'pl4nted', {}, { failure: 'unavailable', code: '200', text: 'the answer is no token' }],
    [302, '', { location: 'http://127.0.0.1:1/' }, { failure: 'unavailable', code: '302' }],
  ])('%i %s is a failure', async (status, body, headers, failure) => {
    const answer = await endpointAt(await answering(status, body, headers), 'pl4nted').ask(null);
    expect(answer).toMatchObject({ kind: 'failed', ...failure });
    expect(JSON.stringify(answer)).not.toContain('pl4nted');
  });

  it('that is away, hangs, or may not be called is a failure', async () => {
    const code = async (endpoint: UndiciTokenEndpoint) => {
      const answer = await endpoint.ask(null);
      return answer.kind === 'failed' && [answer.failure, answer.code];
    };
    const gone = await answering(200, '');
    await ends.pop()!();
    expect(await code(endpointAt(gone, 's'))).toEqual(['unavailable', 'ECONNREFUSED']);
    expect(await code(endpointAt(gone, 's', {}, false))).toEqual(['unavailable', 'HF_ADDRESS_REFUSED']);
    const hanging = createServer(() => {});
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    ends.push(async () => (hanging.closeAllConnections(), hanging.close()));
    expect(await code(endpointAt(`http://127.0.0.1:${(hanging.address() as AddressInfo).port}/`, 's', { timeoutMs: 300 }))).toEqual([
      'unavailable',
      'TimeoutError',
    ]);
  });

  it('is not asked with a key that cannot sign, which is not shown', async () => {
    const clientAuth: ClientAuthConfig = { kind: 'private-key-jwt', key: ref, keyId: null };
    const answer = await endpointAt('http://127.0.0.1:1/token', 'pl4nted', { clientAuth }).ask(null);
    expect(answer).toMatchObject({ kind: 'failed', failure: 'secret-unusable', code: 'private-key' });
    expect(JSON.stringify(answer)).not.toContain('pl4nted');
  });
});
