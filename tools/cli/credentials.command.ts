import { accessSync, constants, statSync } from 'node:fs';
import { readSecret, type DestinationConfig, type HoldfastConfig, type SecretRef } from '#libs/config/src/index.js';
import { readTokenFacts, type TokenFacts } from '#libs/credentials/src/credentials.module.js';
import { credentialId, secretPlaces } from '#libs/credentials/src/index.js';
import { StoreUnavailableError } from '#libs/identity/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { CliError, configOf, settingsOf, type CliCommand, type ExitCode, type Terminal } from './frame.js';

type Options = { json?: boolean };

const EXAMPLES = `
No secret is ever shown. It ends with 1 when something needs a hand: a secret that is not there, or a token that is not given.

Examples:
  $ npx holdfast credentials status           the environment that the configuration or HOLDFAST_ENVIRONMENT names
  $ npx holdfast credentials status --json    for a program`;

type SecretStatus = Readonly<{
  key: string;
  where: string;
  state: 'present' | 'missing' | 'unreadable';
  mode: string | null;
  warning: string | null;
}>;
type TokenStatus = Readonly<{
  state: 'good' | 'failing' | 'over' | 'none' | 'in-process';
  refreshedAt: string | null;
  expiresAt: string | null;
  scopes: readonly string[];
  missingScopes: readonly string[];
  lastFailure: Readonly<{ at: string; code: string; text: string; failures: number; retryAt: string }> | null;
}>;
type DestinationStatus = Readonly<{ destination: string; kind: string; secrets: readonly SecretStatus[]; token: TokenStatus | null }>;

/** `holdfast credentials status`: where each secret lives and what became of each token; never the secret. */
export const credentialsCommand: CliCommand = (program, terminal, run) => {
  program
    .command('credentials')
    .description('Looks after credentials.')
    .command('status')
    .description('Says where each secret lives, when each token was refreshed and when it expires; never the secret.')
    .argument('[file]', 'configuration (default: HOLDFAST_CONFIG, or holdfast.yaml)')
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run((file: string | undefined, options: Options) => status(file, options, terminal)));
};

async function status(file: string | undefined, { json }: Options, terminal: Terminal): Promise<ExitCode> {
  const settings = settingsOf(terminal);
  const config = configOf(file ?? settings.configPath, terminal);
  const shared = config.destinations.some(({ auth }) => auth?.kind === 'oauth2') && config.credentials.tokenKeys.length > 0;
  const redis = shared ? RedisConnection.open({ url: settings.redisUrl, name: 'holdfast-cli' }) : null;
  try {
    await redis?.whenReady(5_000);
    const { environment } = config;
    const tokenKeys = config.credentials.tokenKeys.map((ref) => secretStatus('credentials.tokenKeys', ref, terminal));
    const destinations: DestinationStatus[] = [];
    for (const destination of config.destinations.filter(({ auth, tls }) => auth ?? tls))
      destinations.push(await statusOf(destination, { config, redis, terminal }));
    if (json) terminal.out(`${JSON.stringify({ environment, tokenKeys, destinations }, null, 2)}\n`);
    else terminal.out(`environment ${environment}\n${tokenKeys.map(secretLine).join('')}${destinations.map(asText).join('')}`);
    return tokenKeys.every(isFine) && destinations.every((one) => one.secrets.every(isFine) && !isBad(one.token)) ? 0 : 1;
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw new CliError(1, `${error.message}; look at REDIS_URL`);
    throw error;
  } finally {
    await redis?.close();
  }
}

type Parts = Readonly<{ config: HoldfastConfig; redis: RedisConnection | null; terminal: Terminal }>;

async function statusOf({ name, auth, tls }: DestinationConfig, { config, redis, terminal }: Parts): Promise<DestinationStatus> {
  const secrets = secretPlaces(auth, tls).map(({ key, ref }) => secretStatus(key, ref, terminal));
  const base = { destination: name, kind: auth?.kind ?? 'tls', secrets };
  if (auth?.kind !== 'oauth2') return { ...base, token: null };
  if (redis === null) return { ...base, token: { ...noToken, state: 'in-process' } };
  const facts = await readTokenFacts(redis, config.topics.prefix, credentialId(config.environment, auth));
  return { ...base, token: tokenStatus(facts, auth.scopes, Date.now()) };
}

const noToken: TokenStatus = { state: 'none', refreshedAt: null, expiresAt: null, scopes: [], missingScopes: [], lastFailure: null };

function tokenStatus(facts: TokenFacts | null, needed: readonly string[], nowMs: number): TokenStatus {
  if (facts === null) return noToken;
  const at = (ms: number): string => new Date(ms).toISOString();
  const { token, failing } = facts;
  const isGood = token !== null && nowMs < token.expiresAtMs;
  return {
    state: failing ? 'failing' : isGood ? 'good' : token ? 'over' : 'none',
    refreshedAt: token && at(token.issuedAtMs),
    expiresAt: token && at(token.expiresAtMs),
    scopes: token?.scopes ?? [],
    missingScopes: token ? needed.filter((scope) => !token.scopes.includes(scope)) : [],
    lastFailure: failing && {
      at: at(failing.last.atMs),
      code: failing.last.code,
      text: failing.last.text,
      failures: failing.count,
      retryAt: at(failing.retryAtMs),
    },
  };
}

function secretStatus(key: string, ref: SecretRef, { env }: Terminal): SecretStatus {
  const where = ref.kind === 'file' ? ref.path : `env ${ref.name}`;
  const found = { key, where, mode: ref.kind === 'file' ? modeOf(ref.path) : null };
  try {
    if (ref.kind === 'file') accessSync(ref.path, constants.R_OK);
    readSecret(ref, env);
  } catch (error) {
    const { code } = error as { code?: string };
    return { ...found, state: code === 'ENOENT' || code === 'missing' ? 'missing' : 'unreadable', warning: null };
  }
  const isOpen = found.mode !== null && /[4567]$/.test(found.mode);
  return { ...found, state: 'present', warning: isOpen ? 'every user of this machine may read it' : null };
}

function modeOf(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? (stat.mode & 0o777).toString(8).padStart(3, '0') : null;
}

const isFine = ({ state }: SecretStatus): boolean => state === 'present';
const isBad = (token: TokenStatus | null): boolean => token !== null && (token.state === 'failing' || token.missingScopes.length > 0);

const secretLine = ({ key, where, state, mode, warning }: SecretStatus): string =>
  `  ${key}: ${where}, ${state}${mode ? `, mode ${mode}` : ''}${warning ? ` (warning: ${warning})` : ''}\n`;

function asText({ destination, kind, secrets, token }: DestinationStatus): string {
  const lines = secrets.map(secretLine);
  if (token?.state === 'in-process') lines.push('  token: kept by each replica for itself (credentials.tokenKeys is not set)\n');
  else if (token) {
    const times = token.expiresAt
      ? `, refreshed ${token.refreshedAt}, expires ${token.expiresAt}, scopes ${token.scopes.join(' ') || 'none'}`
      : '';
    lines.push(`  token: ${token.state}${times}\n`);
    if (token.missingScopes.length > 0) lines.push(`  not granted: ${token.missingScopes.join(' ')}\n`);
    const { lastFailure: last } = token;
    if (last) lines.push(`  last failure: ${last.at} ${last.code}: ${last.text} (${last.failures} in a row, again at ${last.retryAt})\n`);
  }
  return `${destination} (${kind})\n${lines.join('')}`;
}
