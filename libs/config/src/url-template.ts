import type { Placeholder, UrlTemplate } from './configuration.js';
import { nearest } from './says.js';
import { POINTER } from './units.js';

export const PLACEHOLDERS: readonly Placeholder[] = ['entity', 'id', 'type', 'revision', 'source', 'correlationid', 'delivery'];

export type UrlFault = Readonly<{ problem: string; mend: string }>;

/** A template whose text {@link urlFaults} has accepted. */
export function urlTemplate(text: string): UrlTemplate {
  const words = [...new Set([...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]!))];
  return {
    text,
    placeholders: words.filter((word) => !isPointer(word)) as Placeholder[],
    pointers: words.filter(isPointer),
  };
}

const isPointer = (word: string): boolean => word.startsWith('/');

type Values = Readonly<Partial<Record<Placeholder, string | null>>>;
/** The text or number at a JSON Pointer into the event's data; null: there is none. */
type At = (pointer: string) => string | null;
const nowhere: At = () => null;

/**
 * Fills a template in, each value percent-encoded, so that none reaches beyond its place. Taken apart once, filled in often.
 *
 * @returns null when a part of the path would become empty, `.` or `..`: that names another resource than was meant,
 *          and URL parsers take even an encoded `..` for a step upward. Null as well when a pointer finds nothing, wherever it
 *          stands. No attempt can mend it.
 */
export function urlFiller({ text }: Pick<UrlTemplate, 'text'>): (values: Values, at?: At) => string | null {
  // What stands between braces is a name, whatever is in it: a pointer has slashes.
  const queryAt = text.search(/\?(?![^{]*\})/);
  const segments = (queryAt < 0 ? text : text.slice(0, queryAt)).split(/\/(?![^{]*\})/).map(partFiller);
  const query = queryAt < 0 ? null : partFiller(text.slice(queryAt));
  return (values, at = nowhere) => {
    let filled = '';
    for (let n = 0; n < segments.length; n += 1) {
      const { fill, isOpen } = segments[n]!;
      const segment = fill(values, at);
      if (segment === null || (isOpen && (segment === '' || segment === '.' || segment === '..'))) return null;
      filled += n === 0 ? segment : `/${segment}`;
    }
    if (query === null) return filled;
    const asked = query.fill(values, at);
    return asked === null ? null : filled + asked;
  };
}

/** `isOpen`: it has a placeholder. */
function partFiller(part: string): Readonly<{ isOpen: boolean; fill(values: Values, at: At): string | null }> {
  // Of a split by its groups every second piece is a placeholder's word.
  const pieces = part.split(/\{([^{}]*)\}/);
  if (pieces.length === 1) return { isOpen: part.includes('{'), fill: () => part };
  return {
    isOpen: true,
    fill: (values, at) => {
      let filled = '';
      for (let n = 0; n < pieces.length; n += 1) {
        const piece = pieces[n]!;
        const value = n % 2 === 0 ? piece : isPointer(piece) ? at(piece) : (values[piece as Placeholder] ?? '');
        if (value === null) return null;
        filled += n % 2 === 0 ? value : encodeURIComponent(value.toWellFormed());
      }
      return filled;
    },
  };
}

/** What is wrong with a URL as text, without showing it: it may hold a password. Which hosts may be called is another question. */
export function urlFaults(text: string, placeholders: readonly Placeholder[] = PLACEHOLDERS): UrlFault[] {
  const unknown = [...text.matchAll(/\{([^{}]*)\}/g)]
    .map((match) => match[1]!)
    .filter((word) => !(placeholders as readonly string[]).includes(word) && !(placeholders.length > 0 && POINTER.test(word)));
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
  if (isPointer(word) && placeholders.length > 0)
    return { problem: 'has a placeholder that is no JSON Pointer', mend: 'write such as {/order/id} (~1 stands for /, ~0 for ~)' };
  const problem = /^[\w.-]{1,40}$/.test(word) ? `has the placeholder {${word}}, which is not known` : 'has a placeholder that is not known';
  return {
    problem,
    mend: meant
      ? `did you mean {${meant}}?`
      : placeholders.length > 0
        ? `known are ${all}, and pointers into the event's data such as {/order/id}`
        : 'no placeholder can stand here',
  };
}
