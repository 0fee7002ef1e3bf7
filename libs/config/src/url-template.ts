import type { Placeholder, UrlTemplate } from './configuration.js';
import { nearest } from './says.js';

export const PLACEHOLDERS: readonly Placeholder[] = ['entity', 'id', 'type', 'revision', 'source', 'correlationid', 'delivery'];

export type UrlFault = Readonly<{ problem: string; mend: string }>;

/** A template whose text {@link urlFaults} has accepted. */
export function urlTemplate(text: string): UrlTemplate {
  return { text, placeholders: [...new Set([...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] as Placeholder))] };
}

type Values = Readonly<Partial<Record<Placeholder, string | null>>>;

/**
 * Fills a template in, each value percent-encoded, so that none reaches beyond its place. Taken apart once, filled in often.
 *
 * @returns null when a part of the path would become empty, `.` or `..`: that names another resource than was meant,
 *          and URL parsers take even an encoded `..` for a step upward. No attempt can mend it.
 */
export function urlFiller({ text }: UrlTemplate): (values: Values) => string | null {
  const queryAt = text.indexOf('?');
  const segments = (queryAt < 0 ? text : text.slice(0, queryAt)).split('/').map(partFiller);
  const query = queryAt < 0 ? null : partFiller(text.slice(queryAt));
  return (values) => {
    let filled = '';
    for (let n = 0; n < segments.length; n += 1) {
      const { fill, isOpen } = segments[n]!;
      const segment = fill(values);
      if (isOpen && (segment === '' || segment === '.' || segment === '..')) return null;
      filled += n === 0 ? segment : `/${segment}`;
    }
    return query === null ? filled : filled + query.fill(values);
  };
}

/** `isOpen`: it has a placeholder. */
function partFiller(part: string): Readonly<{ isOpen: boolean; fill(values: Values): string }> {
  // Of a split by its groups every second piece is a placeholder's word.
  const pieces = part.split(/\{([^{}]*)\}/);
  if (pieces.length === 1) return { isOpen: part.includes('{'), fill: () => part };
  const valueOf = (word: string, values: Values): string => encodeURIComponent((values[word as Placeholder] ?? '').toWellFormed());
  return { isOpen: true, fill: (values) => pieces.map((piece, n) => (n % 2 === 0 ? piece : valueOf(piece, values))).join('') };
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
