import type { Outcome } from '#libs/delivery/src/index.js';

const concealedMinLength = 4;
/** The kept part of an answer may end within a repeated secret. */
const partMinLength = 8;
const concealed = '[credentials]';

/** Secrets as they may come back in a partner's error page: as they are, within JSON, in a URL, and in base64. Longest first. */
export function wordsOf(secrets: readonly string[]): readonly string[] {
  const shapes = secrets.flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    new URLSearchParams({ s: secret }).toString().slice(2),
  ]);
  return [...new Set(shapes)].filter((word) => word.length >= concealedMinLength).sort((a, b) => b.length - a.length);
}

/** A text without any of the words, and without a beginning of one at its end. */
export function without(text: string, words: readonly string[]): string {
  let rest = text;
  for (const word of words) {
    rest = rest.replaceAll(word, concealed);
    for (let length = word.length - 1; length >= partMinLength; length--) {
      if (rest.endsWith(word.slice(0, length))) rest = rest.slice(0, -length) + concealed;
    }
  }
  return rest;
}

/** An outcome's texts go into histories, topics and logs. */
export function concealedOutcome(outcome: Outcome, words: readonly string[]): Outcome {
  if (outcome.kind === 'not-sent') return outcome;
  if (outcome.kind !== 'responded') return { ...outcome, error: without(outcome.error, words) };
  const { body, headers } = outcome;
  const told = headers && Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, without(value, words)]));
  return { ...outcome, body: body === null ? null : without(body, words), ...(told && { headers: told }) };
}
