import type { Placeholder, UrlTemplate } from './configuration.js';
import { nearest } from './says.js';

export const PLACEHOLDERS: readonly Placeholder[] = ['entity', 'id', 'type', 'revision', 'source', 'correlationid', 'delivery'];

export type UrlFault = Readonly<{ problem: string; mend: string }>;

/** A template whose text {@link urlFaults} has accepted. */
export function urlTemplate(text: string): UrlTemplate {
  return { text, placeholders: [...new Set([...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] as Placeholder))] };
}

/**
 * Fills a template in, each value percent-encoded, so that none reaches beyond its place.
 *
 * @returns null when a part of the path would become empty, `.` or `..`: that names another resource than was meant,
 *          and URL parsers take even an encoded `..` for a step upward. No attempt can mend it.
 */
export function fillUrl({ text }: UrlTemplate, values: Readonly<Partial<Record<Placeholder, string | null>>>): string | null {
  const fill = (part: string): string =>
    part.replace(/\{([^{}]*)\}/g, (_, word) => encodeURIComponent((values[word as Placeholder] ?? '').toWellFormed()));
  const queryAt = text.indexOf('?');
  const path = queryAt < 0 ? text : text.slice(0, queryAt);
  const segments = path.split('/').map((segment) => (segment.includes('{') ? fill(segment) : segment));
  const bad = path.split('/').some((segment, n) => segment.includes('{') && ['', '.', '..'].includes(segments[n]!));
  return bad ? null : segments.join('/') + (queryAt < 0 ? '' : fill(text.slice(queryAt)));
}

/** What is wrong with a URL as text, without showing it: it may hold a password. Which hosts may be called is another question. */
export function urlFaults(text: string, placeholders: readonly Placeholder[] = PLACEHOLDERS): UrlFault[] {
  const unknown = [...text.matchAll(/\{([^{}]*)\}/g)]
    .map((match) => match[1]!)
    .filter((word) => !(placeholders as readonly string[]).includes(word));
  if (unknown.length > 0) return unknown.map((word) => unknownPlaceholder(word, placeholders));
  const filled = text.replace(/\{[^{}]*\}/g, 'x');
  if (/[{}]/.test(filled))
    return [{ problem: 'has a brace without its partner', mend: 'write placeholders as {entity}, and a real brace as %7B or %7D' }];
  if (!URL.canParse(filled))
    return [{ problem: 'is not a URL', mend: 'write scheme, host and path, such as https://partner.example/api/orders' }];
  const url = new URL(filled);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return [{ problem: `has the scheme ${url.protocol.slice(0, -1)}`, mend: 'use https:// (or http://)' }];
  if (url.username || url.password)
    return [
      { problem: 'has a user or password in it', mend: 'take them out and give them as auth: { basic: { username, password: { file } } }' },
    ];
  if (url.hash) return [{ problem: 'has a fragment, which is never sent', mend: 'take away # and what follows it, or write %23' }];
  if (/^[a-z]+:\/*[^/?#]*\{/i.test(text))
    return [
      { problem: 'has a placeholder in its host', mend: 'keep placeholders in the path or query: an event must not choose whom we call' },
    ];
  return [];
}

function unknownPlaceholder(word: string, placeholders: readonly string[]): UrlFault {
  const meant = nearest(word, placeholders);
  const all = placeholders.map((placeholder) => `{${placeholder}}`).join(', ');
  const problem = /^[\w.-]{1,40}$/.test(word) ? `has the placeholder {${word}}, which is not known` : 'has a placeholder that is not known';
  return {
    problem,
    mend: meant ? `did you mean {${meant}}?` : placeholders.length > 0 ? `known are ${all}` : 'no placeholder can stand here',
  };
}
