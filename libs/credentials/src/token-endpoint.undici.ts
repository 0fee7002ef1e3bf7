import { createPrivateKey, webcrypto } from 'node:crypto';
import * as oauth from 'oauth4webapi';
import { Agent, fetch as undiciFetch, type Dispatcher } from 'undici';
import type { OAuth2Config, OutboundGuard, SecretRef, SecretStore } from '#libs/config/src/index.js';
import { without, wordsOf } from './concealing.js';
import { guardedConnector } from './guarded-connector.undici.js';
import type { TlsSource } from './tls-source.js';
import type { Granted, NotGranted, TokenEndpoint } from './token-endpoint.port.js';

const answerMaxBytes = 64 * 1024;
const retryAfterMaxMs = 3_600_000;
const textMaxLength = 200;
/** RFC 6749: what a repetition does not mend. Everything else may pass. */
const REFUSALS: readonly string[] = [
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
];

export type TokenEndpointParts = Readonly<{
  config: OAuth2Config;
  secrets: SecretStore;
  outbound: OutboundGuard;
  tls: TlsSource | null;
}>;

/** The token endpoint over HTTP, by oauth4webapi. The secrets are read for each request, so a rotated one is in the next. */
export class UndiciTokenEndpoint implements TokenEndpoint {
  private readonly dispatcher: Dispatcher;

  constructor(private readonly parts: TokenEndpointParts) {
    const { config, outbound, tls } = parts;
    this.dispatcher = new Agent({
      connect: guardedConnector({ outbound, tls, timeoutMs: config.timeoutMs }),
      maxResponseSize: answerMaxBytes,
      connections: 2,
      keepAliveTimeout: 1_000,
    });
  }

  async ask(refreshToken: string | null): Promise<Granted | NotGranted> {
    const told = new Told(refreshToken);
    try {
      const auth = await this.clientAuth(told);
      return await this.exchange(auth, refreshToken, told);
    } catch (error) {
      return told.failed(error);
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async exchange(auth: oauth.ClientAuth, refreshToken: string | null, told: Told): Promise<Granted> {
    const { tokenUrl, clientId, scopes, audience, timeoutMs } = this.parts.config;
    // There is no discovery: the token URL names the server, in a signed assertion too.
    const server: oauth.AuthorizationServer = { issuer: tokenUrl, token_endpoint: tokenUrl };
    const client: oauth.Client = { client_id: clientId };
    const parameters = { ...(scopes.length > 0 && { scope: scopes.join(' ') }), ...(audience !== null && { audience }) };
    const options = {
      [oauth.customFetch]: async (url: string, init: oauth.CustomFetchOptions<'POST', URLSearchParams>) => {
        const answer = await undiciFetch(url, { ...init, dispatcher: this.dispatcher });
        told.status = answer.status;
        told.retryAfter = answer.headers.get('retry-after');
        return answer as unknown as Response;
      },
      [oauth.allowInsecureRequests]: tokenUrl.startsWith('http:'),
      signal: () => AbortSignal.timeout(timeoutMs),
    };
    const answer =
      refreshToken === null
        ? await oauth.clientCredentialsGrantRequest(server, client, auth, parameters, options)
        : await oauth.refreshTokenGrantRequest(server, client, auth, refreshToken, { ...options, additionalParameters: parameters });
    const granted =
      refreshToken === null
        ? await oauth.processClientCredentialsResponse(server, client, answer)
        : await oauth.processRefreshTokenResponse(server, client, answer);
    return {
      kind: 'granted',
      accessToken: granted.access_token,
      expiresInMs: granted.expires_in === undefined ? null : granted.expires_in * 1_000,
      scope: granted.scope ?? null,
      refreshToken: granted.refresh_token ?? null,
    };
  }

  private async clientAuth(told: Told): Promise<oauth.ClientAuth> {
    const { clientAuth, tokenUrl } = this.parts.config;
    switch (clientAuth.kind) {
      case 'basic':
        return oauth.ClientSecretBasic(told.keep(this.text(clientAuth.secret)));
      case 'post':
        return oauth.ClientSecretPost(told.keep(this.text(clientAuth.secret)));
      case 'private-key-jwt': {
        const key = await signingKey(this.text(clientAuth.key));
        const options = {
          [oauth.modifyAssertion]: (_header: unknown, payload: Record<string, unknown>) => void (payload['aud'] = tokenUrl),
        };
        return oauth.PrivateKeyJwt({ key, ...(clientAuth.keyId !== null && { kid: clientAuth.keyId }) }, options);
      }
      case 'tls':
        return oauth.TlsClientAuth();
    }
  }

  private text(ref: SecretRef): string {
    return this.parts.secrets.get([ref])[0]!.reveal().toString('utf8');
  }
}

/** What is learned on the way to a failure, and what may be told of it. */
class Told {
  status: number | null = null;
  retryAfter: string | null = null;
  private readonly secrets: string[] = [];

  constructor(refreshToken: string | null) {
    if (refreshToken !== null) this.secrets.push(refreshToken);
  }

  keep(secret: string): string {
    this.secrets.push(secret);
    return secret;
  }

  failed(error: unknown): NotGranted {
    const seconds = /^\d{1,9}$/.test(this.retryAfter ?? '') ? Number(this.retryAfter) : null;
    const retryAfterMs = seconds === null ? null : Math.min(seconds * 1_000, retryAfterMaxMs);
    if (error instanceof KeyError)
      return { kind: 'failed', failure: 'secret-unusable', code: 'private-key', text: error.message, retryAfterMs };
    const named = refusalOf(error, this.status);
    const text = this.plain(named?.text ?? textOf(error, this.status));
    if (named)
      return {
        kind: 'failed',
        failure: REFUSALS.includes(named.code) ? 'refused' : 'unavailable',
        code: this.plain(named.code),
        text,
        retryAfterMs,
      };
    // A server that answers 4xx without saying why refuses all the same; it sheds load with 408, 425 and 429.
    const isRefusal = this.status !== null && this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
    const code = this.status === null ? codeOf(error) : String(this.status);
    return { kind: 'failed', failure: isRefusal ? 'refused' : 'unavailable', code, text, retryAfterMs };
  }

  private plain(text: string): string {
    return without(text.replace(/[\x00-\x1f\x7f]+/g, ' '), wordsOf(this.secrets)).slice(0, textMaxLength);
  }
}

class KeyError extends Error {}

function refusalOf(error: unknown, status: number | null): { code: string; text: string } | null {
  if (error instanceof oauth.ResponseBodyError) return { code: error.error, text: error.error_description ?? error.error };
  if (error instanceof oauth.WWWAuthenticateChallengeError)
    return { code: 'invalid_client', text: `answered ${status ?? 401} and asks for another authentication` };
  return null;
}

/** The server's word where it has one; ours is that of the outermost cause, since inner ones quote what was sent. */
function textOf(error: unknown, status: number | null): string {
  if (status !== null) return status >= 200 && status < 300 ? 'the answer is no token' : `answered ${status}`;
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time';
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : 'no answer';
}

function codeOf(error: unknown): string {
  if (error instanceof DOMException) return error.name;
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const found = cause?.code ?? code;
  return typeof found === 'string' ? found : 'no-answer';
}

/** The PEM as a key that signs, by the algorithm that fits it: RS256, ES256, ES384, ES512 or EdDSA. */
async function signingKey(pem: string): Promise<oauth.CryptoKey> {
  try {
    const key = createPrivateKey(pem);
    const der = key.export({ format: 'der', type: 'pkcs8' });
    const curves: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
    const algorithm =
      key.asymmetricKeyType === 'rsa'
        ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
        : key.asymmetricKeyType === 'ec'
          ? { name: 'ECDSA', namedCurve: curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? '' }
          : { name: 'Ed25519' };
    return await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  } catch {
    // The reason would quote the key.
    throw new KeyError('the private key is not a PKCS#8 PEM of RSA, EC (P-256, P-384, P-521) or Ed25519, or has a passphrase');
  }
}
