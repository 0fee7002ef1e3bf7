import { normaliseMessage } from './decide-signature.js';
import type { NoticeGroup } from './notice-groups.fold.js';

/** An open group as the store counts it; what stands beyond the counts is of its newest entry. */
export type OpenGroup = NoticeGroup &
  Readonly<{
    destination: string | null;
    source: string;
    /** Null where the newest ones are of several types. */
    type: string | null;
    class: string | null;
    status: number | null;
    /** The last answer, or what was wrong with the event. */
    sample: string;
    /** Of the newest ones. */
    correlationIds: readonly string[];
  }>;

const lastMaxChars = 160;

/** What failed, how often, since when, and the last answer. Without a body: ids, numbers, quoted texts and addresses are left out. */
export function decideGroupText(group: OpenGroup): string {
  const { kind, destination, source, open, sinceMs, status } = group;
  const type = group.type ? ` (${group.type})` : '';
  const since = `since ${new Date(sinceMs).toISOString()}`;
  const trouble = group.class ?? 'unknown';
  if (kind === 'invalid')
    return `${count(open, 'event')} of ${source}${type} cannot be used (${trouble}) ${since}: ${maskAnswer(group.sample)}`;
  const what = `${count(open, 'dead letter')} of ${destination ?? 'an unknown destination'}${type}`;
  return `${what} of one kind ${since}: ${[trouble, status].filter((word) => word !== null).join(' ')}; the last answer: ${maskAnswer(group.sample)}`;
}

const count = (open: number, noun: string): string => `${open} ${noun}${open === 1 ? '' : 's'}`;

/** A partner may say back what it was sent. Markup and JSON keep their bones only; the signature's rules take out the rest. */
export function maskAnswer(sample: string): string {
  const bare = sample
    .replace(/"(?:[^"\\]|\\.)*(?:"|$)/g, '"…"')
    .replace(/>[^<]+(?=<|$)/g, '>…')
    .replace(/[^\s"'<>@]+@[^\s"'<>@]+/g, '<address>');
  return normaliseMessage(bare).slice(0, lastMaxChars) || 'it said nothing';
}
