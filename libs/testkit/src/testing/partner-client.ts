import { Agent, request } from 'undici';
import type { PartnerOptions } from '../partner-books.js';
import { startPartner, type Partner } from '../partner.js';

export type Send = Readonly<{
  path?: string;
  method?: 'POST' | 'PUT' | 'GET';
  body?: string;
  headers?: Record<string, string>;
  key?: string;
  event?: string;
  timeoutMs?: number;
}>;

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string };

/** A partner and a client of it, for the partner's own tests. `begin` puts another partner in its place. */
export class PartnerAndClient {
  partner!: Partner;
  readonly agent = new Agent();

  async begin(options: PartnerOptions = {}): Promise<void> {
    await this.partner?.close();
    this.partner = await startPartner(options);
  }

  async end(): Promise<void> {
    await this.agent.destroy();
    await this.partner.close();
  }

  readonly send = async ({
    path = '/orders/o-1',
    method = 'POST',
    body = '{}',
    headers = {},
    key,
    event,
    timeoutMs,
  }: Send = {}): Promise<Answer> => {
    const own = {
      ...(key ? { 'idempotency-key': key } : {}),
      ...(event ? { 'x-holdfast-event-id': event, 'x-holdfast-attempt': '1' } : {}),
    };
    const response = await request(this.partner.url + path, {
      method,
      ...(method === 'GET' ? {} : { body }),
      headers: { 'content-type': 'application/json', ...own, ...headers },
      dispatcher: this.agent,
      ...(timeoutMs ? { signal: AbortSignal.timeout(timeoutMs) } : {}),
    });
    return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
  };
}
