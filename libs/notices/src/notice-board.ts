import type { AlertConfig, AlertName } from '#libs/config/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { redactText } from '#libs/observability/src/index.js';
import type { NoticeBook, NoticeState } from './notice-book.port.js';
import type { About, Notices, Said } from './notices.port.js';

/** Hands one alert to a webhook. Rejects when it was not taken. */
export type Post = (url: string, body: string) => Promise<void>;

/** In the words of INTERFACES, "An alert's body". */
export type AlertBody = Readonly<
  { alert: AlertName; state: NoticeState; text: string; correlationIds: readonly string[]; runbook: string } & Partial<
    Readonly<{ destination: string; type: string; count: number; breaker: 'open' | 'closed' }>
  >
>;

export type NoticeBoardParts = Readonly<{
  alerts: readonly AlertConfig[];
  book: NoticeBook;
  post: Post;
  clock: Clock;
  logger: Readonly<{ warn(facts: object, text: string): void }>;
}>;

const updates = { firstMs: 60_000, maxMs: 3_600_000 };
const leaseMs = 30_000;
/** Tries of one sending; all of them end within the lease. */
const retryAfterMs = [1_000, 4_000];
/** How often the book is asked about one ticket by one process. */
const askEveryMs = 2_000;
const textMaxLength = 1_000;
const correlationIdsMax = 20;
const keysMax = 10_000;

/** Notices as webhooks: each alert to every target that wants it, once over all replicas, with bounded retries. */
export class NoticeBoard implements Notices {
  /** Tickets as this process knows them, so that what was said costs no call. */
  private readonly known = new Map<string, { busy: boolean; askAtMs: number; isOver: boolean; step: number }>();

  constructor(private readonly parts: NoticeBoardParts) {}

  raise(about: About, say: () => Promise<Said>): void {
    this.each(about, 'raised', say);
  }

  resolve(about: About, say: () => Promise<Said>): void {
    this.each(about, 'resolved', say);
  }

  private each(about: About, state: NoticeState, say: () => Promise<Said>): void {
    for (const target of this.parts.alerts) {
      if (!target.on.includes(about.alert)) continue;
      void this.tell(target, about, state, say);
    }
  }

  private async tell(target: AlertConfig, about: About, state: NoticeState, say: () => Promise<Said>): Promise<void> {
    const { book, clock, logger } = this.parts;
    const key = [target.name, about.alert, about.destination ?? '', about.group ?? about.type ?? ''].join('|');
    const known = this.known.get(key) ?? { busy: false, askAtMs: 0, isOver: false, step: -1 };
    if (known.busy || clock.nowMs() < known.askAtMs || (known.isOver && state === 'resolved')) return;
    const { step } = about;
    if (state === 'raised' && step !== undefined && step <= known.step) return;
    if (this.known.size < keysMax) this.known.set(key, known);
    known.busy = true;
    try {
      known.askAtMs = clock.nowMs() + askEveryMs;
      const answer = await book.claim(key, state, leaseMs, { ...updates, ...(step !== undefined && { step }) });
      if (answer === 'send') {
        await this.send(target, bodyOf(about, state, await say()));
        await book.sent(key, state, step);
      }
      if (answer !== 'wait') known.step = state === 'raised' ? (step ?? -1) : -1;
      known.isOver = state === 'resolved' && answer !== 'wait';
    } catch (error) {
      const why = redactText(error instanceof Error ? error.message : String(error));
      logger.warn({ alert: about.alert, destination: about.destination, target: target.name, why }, 'an alert could not be sent yet');
    } finally {
      known.busy = false;
    }
  }

  private async send({ webhook }: AlertConfig, body: AlertBody): Promise<void> {
    const { post, clock } = this.parts;
    for (const afterMs of retryAfterMs) {
      try {
        return await post(webhook.url, JSON.stringify(body));
      } catch {
        await clock.sleep(afterMs);
      }
    }
    await post(webhook.url, JSON.stringify(body));
  }
}

function bodyOf({ alert, destination, type }: About, state: NoticeState, said: Said): AlertBody {
  return {
    alert,
    state,
    ...(destination !== undefined && { destination }),
    ...(type !== undefined && { type }),
    ...(said.count !== undefined && { count: said.count }),
    text: redactText(said.text).slice(0, textMaxLength),
    correlationIds: said.correlationIds.slice(0, correlationIdsMax),
    runbook: said.runbook,
    ...(said.breaker !== undefined && { breaker: said.breaker }),
  };
}
