import type { RefusalCode } from './ingest.ports.js';

export type Problem = Readonly<{ status: number; title: string; detail: string }>;

/** RFC 9457 problem documents of the door. Each says how to mend it, and no more than a stranger may know. */
export const PROBLEMS: Readonly<Record<RefusalCode, Problem>> = {
  'bad-signature': {
    status: 401,
    title: 'The signature does not fit',
    detail: 'Sign the raw body with the secret agreed for this source, in the header and encoding agreed.',
  },
  'unknown-source': {
    status: 404,
    title: 'There is no such source',
    detail: 'POST to /in/<source>, where <source> is the name of a webhook source of the configuration.',
  },
  method: { status: 405, title: 'Only POST is taken here', detail: 'Send the event as the body of a POST.' },
  'too-large': {
    status: 413,
    title: 'The body is too large',
    detail: 'Send a smaller body, or have webhook.bodyMax of this source raised.',
  },
  'content-type': {
    status: 415,
    title: 'This content type is not taken',
    detail:
      'Send JSON, a form (application/x-www-form-urlencoded) or text, or have the type listed in webhook.contentTypes of this source.',
  },
  'content-encoding': {
    status: 415,
    title: 'Encoded bodies are not taken',
    detail: 'Send the body without Content-Encoding: it is kept byte for byte.',
  },
  'bad-request': {
    status: 400,
    title: 'The request cannot be read',
    detail: 'Send a complete HTTP request whose Content-Length is that of its body.',
  },
  'not-durable': {
    status: 503,
    title: 'The event is not stored',
    detail: 'The event log did not confirm it in time. Send the same event again after Retry-After; a repeat is recognised.',
  },
  busy: { status: 503, title: 'Too much is under way', detail: 'Send the same event again after Retry-After.' },
  stopping: {
    status: 503,
    title: 'This replica is stopping',
    detail: 'Send the same event again after Retry-After; another replica takes it.',
  },
  internal: {
    status: 500,
    title: 'The door failed',
    detail: 'Send the same event again; if it lasts, ask the operator with the correlation id.',
  },
};

/** Seconds after which a refused sender may come again. */
export const RETRY_AFTER_SECONDS = 2;

export const problemBody = (code: RefusalCode, correlationId: string): string =>
  JSON.stringify({ type: `urn:holdfast:problem:${code}`, ...PROBLEMS[code], correlationId });
