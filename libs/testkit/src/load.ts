import { createHmac, type BinaryLike } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type Dispatcher } from 'undici';

/** How requests are signed: `github` is `X-Hub-Signature-256: sha256=<hex>`, `hmac` any header with a prefix, `none` not at all. */
export type Signing = Readonly<
  { scheme: 'github'; secret: BinaryLike } | { scheme: 'hmac'; secret: BinaryLike; header: string; prefix: string } | { scheme: 'none' }
>;

export type Webhook = Readonly<{
  /** The sender's own name of this event; it stands in the report. */
  tag: string;
  body: Buffer;
  headers?: Readonly<Record<string, string>>;
}>;

export type LoadOptions = Readonly<{
  /** The door, e.g. `http://127.0.0.1:8080`. */
  url: string;
  source: string;
  signing: Signing;
  /** Requests under way at once. */
  connectionsMax: number;
  /** Even pace; left out: as fast as the connections allow. */
  perSecond?: number;
  /**
   * What a good sender does: an event without a 202 is sent again after `Retry-After` (at most 1 s here) or a short pause, until it is
   * accepted or `signal` aborts. Default: each is tried once.
   */
  keepTrying?: boolean;
  /** Each try's own bound, default 15 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
}>;

/** Times in ms: `at` since the epoch with fractions, when the try began that was accepted. */
export type Accepted = Readonly<{ tag: string; id: string; correlationId: string; at: number; tookMs: number; tries: number }>;
export type Refused = Readonly<{ tag: string; status: number | null; error: string | null }>;
export type LoadReport = Readonly<{ accepted: readonly Accepted[]; refused: readonly Refused[]; seconds: number }>;

export function signatureHeaders(signing: Signing, body: Buffer): Record<string, string> {
  if (signing.scheme === 'none') return {};
  const hex = createHmac('sha256', signing.secret).update(body).digest('hex');
  return signing.scheme === 'github' ? { 'x-hub-signature-256': `sha256=${hex}` } : { [signing.header]: `${signing.prefix}${hex}` };
}

/** Posts the webhooks with bounded concurrency over kept connections, and reports what was acknowledged: what may not be lost from then on. */
export async function postWebhooks(options: LoadOptions, webhooks: Iterable<Webhook>): Promise<LoadReport> {
  const pool = new Pool(options.url, { connections: options.connectionsMax, pipelining: 1 });
  const accepted: Accepted[] = [];
  const refused: Refused[] = [];
  const source = numbered(webhooks);
  const startedMs = performance.now();
  const sender = async (): Promise<void> => {
    for (const { index, webhook } of source) {
      if (options.perSecond !== undefined) await pace(startedMs + (index * 1_000) / options.perSecond);
      if (options.signal?.aborted) return;
      const end = await postUntil(pool, options, webhook);
      if ('id' in end) accepted.push(end);
      else refused.push(end);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.connectionsMax }, sender));
    return { accepted, refused, seconds: (performance.now() - startedMs) / 1_000 };
  } finally {
    await pool.destroy();
  }
}

/** One iterator that all senders draw from. */
function* numbered(webhooks: Iterable<Webhook>): Generator<{ index: number; webhook: Webhook }> {
  let index = 0;
  for (const webhook of webhooks) yield { index: index++, webhook };
}

async function pace(dueMs: number): Promise<void> {
  const waitMs = dueMs - performance.now();
  if (waitMs > 0) await sleep(waitMs);
}

async function postUntil(pool: Pool, options: LoadOptions, webhook: Webhook): Promise<Accepted | Refused> {
  const headers = { 'content-type': 'application/json', ...webhook.headers, ...signatureHeaders(options.signing, webhook.body) };
  for (let tries = 1; ; tries++) {
    const at = performance.timeOrigin + performance.now();
    const end = await postOnce(pool, options, { webhook, headers });
    if ('id' in end) return { tag: webhook.tag, ...end, at, tookMs: performance.timeOrigin + performance.now() - at, tries };
    const isHopeless = end.status !== null && end.status < 500 && end.status !== 429;
    if (!options.keepTrying || isHopeless || options.signal?.aborted) return { tag: webhook.tag, status: end.status, error: end.error };
    await sleep(Math.min(1_000, end.retryAfterMs ?? 50));
  }
}

type Tried = { id: string; correlationId: string } | { status: number | null; error: string | null; retryAfterMs: number | null };

async function postOnce(
  pool: Pool,
  { source, timeoutMs = 15_000 }: LoadOptions,
  request: { webhook: Webhook; headers: Record<string, string> },
): Promise<Tried> {
  try {
    const answer = await pool.request({
      path: `/in/${source}`,
      method: 'POST',
      body: request.webhook.body,
      headers: request.headers,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    if (answer.statusCode === 202) return (await answer.body.json()) as { id: string; correlationId: string };
    return { status: answer.statusCode, error: await answer.body.text(), retryAfterMs: retryAfterOf(answer) };
  } catch (error) {
    return { status: null, error: error instanceof Error ? error.message : String(error), retryAfterMs: null };
  }
}

function retryAfterOf({ headers }: Dispatcher.ResponseData): number | null {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) ? seconds * 1_000 : null;
}

/** The value below which `share` of the numbers lie; NaN without any. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
