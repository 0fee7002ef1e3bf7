import type { LookupConfig, ValueFrom } from '#libs/config/src/index.js';
import { asText, at, parseExact, type Delivery, type HoldfastEvent } from '#libs/domain/src/index.js';
import { revisionOrder } from '#libs/identity/src/index.js';
import { decideLookup, type LookupExpectation } from './decide-lookup.js';
import type { Deadline, LookupAnswer, Resolver, Sender } from './deliver.ports.js';
import { pathRenderer, templateBody, type Credentials } from './render-request.js';
import { resultsIn } from './stages.js';

/** Asks over a sender of its own, so that a look-up waits for no delivery's connection. */
export class LookupResolver implements Resolver {
  private readonly pathFor: ReturnType<typeof pathRenderer>;

  readonly graceMs: number;
  readonly timeoutMs?: number;

  constructor(
    private readonly config: LookupConfig,
    private readonly sender: Sender,
    private readonly credentials: Credentials,
  ) {
    this.pathFor = pathRenderer(config.url);
    this.graceMs = config.graceMs;
    if (config.timeoutMs !== null) this.timeoutMs = config.timeoutMs;
  }

  async ask(delivery: Delivery, deadline: Deadline, values: Readonly<Record<string, string>> = {}): Promise<LookupAnswer> {
    const path = this.pathFor(delivery, values);
    if (path === null) return { kind: 'cannot-tell', reason: `${this.config.url.text} cannot be filled for this event` };
    const headers: Record<string, string> = {
      accept: 'application/json',
      'x-correlation-id': delivery.event.correlationid,
      ...this.credentials(),
    };
    let body: Buffer | null = null;
    if (this.config.body !== undefined && this.config.method === 'POST') {
      const made = templateBody(delivery, { body: this.config.body, values });
      if (!made.ok) return { kind: 'cannot-tell', reason: `the look-up's body cannot be filled: ${made.error}` };
      body = made.body;
      headers['content-type'] = 'application/json';
    }
    const outcome = await this.sender.send({ method: this.config.method, path, headers, body }, deadline);
    if (outcome.kind === 'not-sent') {
      return {
        kind: 'no-answer',
        outcome: { kind: 'unreachable', when: 'before', code: 'HF_DEADLINE', error: 'the look-up came too late' },
      };
    }
    if (outcome.kind !== 'responded') return { kind: 'no-answer', outcome };
    const verdict = decideLookup(outcome.status, parseExact(outcome.body), this.expected(delivery.event));
    if (verdict.kind === 'no-answer') return { kind: 'no-answer', outcome };
    return verdict.kind === 'found' ? { kind: 'found', kept: resultsIn(outcome, this.config.result) } : verdict;
  }

  private expected(event: HoldfastEvent): LookupExpectation {
    const { creates, revision, match } = this.config;
    return {
      creates,
      revision: revision === null ? null : { pointer: revision, own: event.revision, order: revisionOrder },
      match: Object.entries(match ?? {}).map(([pointer, from]) => ({ pointer, value: valueOf(from, event) })),
    };
  }
}

/** A destination without a look-up is never asked; its rule says otherwise. */
export const noResolver: Resolver = {
  ask: async () => ({ kind: 'cannot-tell', reason: 'the destination has no look-up' }),
};

function valueOf(from: ValueFrom, event: HoldfastEvent): string | null {
  switch (from.kind) {
    case 'literal':
      return from.value;
    case 'header':
      return event.attributes[from.name] ?? null;
    case 'pointer':
      return asText(at(parseExact(event.data.toString('utf8'))?.value, from.pointer));
  }
}
