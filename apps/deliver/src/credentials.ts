import type { AuthConfig, Secret, SecretRef, SecretStore } from '#libs/config/src/index.js';
import type { OutboundRequest, Sender } from './deliver.ports.js';
import type { Credentials } from './render-request.js';

/** The static kinds of auth, from the secrets as they are now; OAuth2 comes with the credentials engine. */
export function staticCredentials(auth: AuthConfig | null, secrets: SecretStore): Credentials {
  const text = (ref: SecretRef): string => (secrets.get([ref])[0] as Secret).reveal().toString('utf8');
  switch (auth?.kind) {
    case 'bearer':
      return () => ({ authorization: `Bearer ${text(auth.token)}` });
    case 'basic':
      return () => ({ authorization: `Basic ${Buffer.from(`${auth.username}:${text(auth.password)}`).toString('base64')}` });
    case 'header': {
      const name = auth.name.toLowerCase();
      return () => ({ [name]: text(auth.value) });
    }
    case 'query':
    case 'oauth2':
    case undefined:
      return () => ({});
  }
}

export function secretsOf(auth: AuthConfig | null): readonly SecretRef[] {
  switch (auth?.kind) {
    case 'bearer':
      return [auth.token];
    case 'basic':
      return [auth.password];
    case 'header':
      return [auth.value];
    case 'query':
    case 'oauth2':
    case undefined:
      return [];
  }
}

const concealedMinLength = 4;
/** The kept part of an answer may end within a repeated secret. */
const partMinLength = 8;
const concealed = '[credentials]';

/**
 * A sender whose outcomes hold nothing of the credentials that went out: partners repeat request headers in their error pages, and
 * an outcome's texts go into histories, topics and logs.
 */
export function concealing(sender: Sender, auth: AuthConfig | null): Sender {
  if (auth === null) return sender;
  const name = auth.kind === 'header' ? auth.name.toLowerCase() : 'authorization';
  return {
    send: async (request, deadline) => {
      const outcome = await sender.send(request, deadline);
      const words = secretWords(request, name);
      if (outcome.kind === 'responded') return { ...outcome, body: outcome.body && without(outcome.body, words) };
      return outcome.kind === 'not-sent' ? outcome : { ...outcome, error: without(outcome.error, words) };
    },
  };
}

/** The header's value, what follows its scheme, and the password of a basic one; each as it would stand in JSON, too. */
function secretWords({ headers }: OutboundRequest, name: string): string[] {
  const value = headers[name] ?? '';
  const words = [value];
  const [scheme, token] = value.split(' ', 2);
  if (name === 'authorization' && token) words.push(token);
  if (scheme === 'Basic' && token)
    words.push(
      Buffer.from(token, 'base64')
        .toString('utf8')
        .replace(/^[^:]*:/, ''),
    );
  return [...new Set(words.flatMap((word) => [word, JSON.stringify(word).slice(1, -1)]))].filter(
    (word) => word.length >= concealedMinLength,
  );
}

function without(text: string, words: readonly string[]): string {
  let rest = text;
  for (const word of words) {
    rest = rest.replaceAll(word, concealed);
    for (let length = word.length - 1; length >= partMinLength; length--) {
      if (rest.endsWith(word.slice(0, length))) rest = rest.slice(0, -length) + concealed;
    }
  }
  return rest;
}
