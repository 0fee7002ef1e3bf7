import type { Dispatcher } from 'undici';
import type { Outcome } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { parsePartnerQuota, type PartnerQuota } from '#libs/limits/src/index.js';
import { guardedConnector, type ConnectOptions } from './connect.undici.js';
import { Connections, type Borrower } from './connections.undici.js';
import { DeadlineQueue } from './deadline-queue.js';
import type { Deadline, OutboundRequest, Sender } from './deliver.ports.js';
import { parseRetryAfter } from './retry-after.js';

export type SenderOptions = Readonly<{
  maxInFlight: number;
  clock: Clock;
  /** Read of an answer's body at most; past it the connection is given up, the status stands. */
  answerMaxBytes?: number;
}> &
  ConnectOptions &
  Partial<AnswerNeeds>;

export type AnswerNeeds = Readonly<{
  /** Handed on of the body. */
  keepMaxBytes: number;
  /** Handed on of the headers; lower case. */
  answerHeaders: readonly string[];
  /** What the answer means depends on its body: one that breaks off tells nothing. */
  needsBody: boolean;
}>;

export const answerMaxBytesDefault = 64 * 1024;
const keepMaxBytesDefault = 1_024;
const headersMaxBytes = 16 * 1024;

/**
 * What fails the same way each time: the address is not allowed, or whoever answers there is not who the URL names. A certificate
 * that has run out is the right one of yesterday: its owner is down until it is renewed, and an outage dead-letters nothing.
 */
const UNSENDABLE =
  /^(HF_ADDRESS_REFUSED|ERR_TLS_.*|CERT_(?!HAS_EXPIRED$|NOT_YET_VALID$).*|UNABLE_TO_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_INVALID_URL|UND_ERR_INVALID_ARG|HPE_INVALID_URL)$/;

/**
 * Hands requests to one destination. As many connections as requests may be in flight, one request a connection: the
 * gate never lets in more, so nothing waits beyond the making of a connection.
 *
 * Before or after: undici calls `onRequestStart` on a connected socket immediately before the request's first byte is written.
 * So the deadline is looked at there (rule 20), and an error before it means that nothing left, an error behind it that it may
 * have. Redirects are not followed, and nothing is sent twice: a second start of one request is refused.
 */
export class UndiciSender implements Sender {
  private readonly connections: Connections;
  private readonly deadlines: DeadlineQueue;

  constructor(private readonly options: SenderOptions) {
    const { origin, maxInFlight } = options;
    this.deadlines = new DeadlineQueue(options.clock);
    this.connections = new Connections(origin, maxInFlight, {
      pipelining: 1,
      allowH2: false,
      // The deadline is ours and ends a request with its connection: undici's own clocks would be two timers a request for nothing.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: headersMaxBytes,
      connect: guardedConnector(options),
    });
  }

  send(request: OutboundRequest, deadline: Deadline): Promise<Outcome> {
    return new Promise((resolve) => {
      const exchange = new Exchange(this.options, deadline, resolve, this.connections);
      if (exchange.isLate()) return resolve({ kind: 'not-sent' });
      exchange.forget = this.deadlines.add(deadline, () => exchange.expire());
      const { method, path, headers, body } = request;
      try {
        this.connections.dispatch({ method, path, headers, body }, exchange);
      } catch (error) {
        exchange.onResponseError(null, error as Error);
      }
    });
  }

  /** Connections are ended at once; what is in flight ends as an outcome. */
  async close(): Promise<void> {
    this.deadlines.close();
    await this.connections.destroy();
  }
}

/** One request from its dispatch to its outcome, which is told once. */
class Exchange implements Borrower {
  connection: Borrower['connection'] = null;
  forget: () => void = () => {};
  private controller: Dispatcher.DispatchController | null = null;
  private status = 0;
  private retryAfter: string | null = null;
  private headers: Record<string, string> | null = null;
  private quota: PartnerQuota | null = null;
  private kept: Buffer[] = [];
  private keptBytes = 0;
  private readBytes = 0;
  private isTold = false;

  constructor(
    private readonly options: SenderOptions,
    private readonly deadline: Deadline,
    private readonly tell: (outcome: Outcome) => void,
    private readonly connections: Connections,
  ) {}

  isLate(): boolean {
    const { clock } = this.options;
    return clock.monotonicMs() >= this.deadline.monotonicMs || clock.nowMs() >= this.deadline.wallMs;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.controller) return controller.abort(new Error('a request is never started twice'));
    if (this.isTold || this.isLate()) {
      this.end({ kind: 'not-sent' });
      return controller.abort(new Error('the deadline has passed'));
    }
    this.controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (statusCode < 200) return;
    this.status = statusCode;
    const header = headers['retry-after'];
    this.retryAfter = (Array.isArray(header) ? header[0] : header) ?? null;
    this.quota = parsePartnerQuota(headers, this.options.clock.nowMs());
    if (this.options.answerHeaders?.length) this.headers = picked(headers, this.options.answerHeaders);
    if (Number(headers['content-length'] ?? 0) > this.answerMaxBytes()) this.giveUp(controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.readBytes += chunk.length;
    const keep = (this.options.keepMaxBytes ?? keepMaxBytesDefault) - this.keptBytes;
    if (keep > 0) {
      // Copied: the chunk is a view into the parser's own memory.
      this.kept.push(Buffer.from(chunk.subarray(0, keep)));
      this.keptBytes += Math.min(keep, chunk.length);
    }
    if (this.readBytes > this.answerMaxBytes()) this.giveUp(controller);
  }

  onResponseEnd(): void {
    this.connections.giveBack(this);
    this.end(this.responded());
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.connections.giveBack(this);
    // Once the status line is here, the partner has spoken: a body that breaks off changes nothing.
    if (this.status > 0) return this.end(this.brokenOff('the answer broke off'));
    const code = codeOf(error);
    if (!this.controller && UNSENDABLE.test(code)) return this.end({ kind: 'unsendable', code, error: messageOf(error) });
    this.end({ kind: 'unreachable', when: this.controller ? 'after' : 'before', code, error: messageOf(error) });
  }

  expire(): void {
    if (this.status > 0) this.end(this.brokenOff('the answer was not whole before the deadline'));
    else if (this.controller) this.end({ kind: 'unreachable', when: 'after', code: 'HF_DEADLINE', error: 'no answer before the deadline' });
    else this.end({ kind: 'unreachable', when: 'before', code: 'HF_DEADLINE', error: 'no connection before the deadline' });
    this.controller?.abort(new Error('the deadline has passed'));
  }

  private responded(): Outcome {
    const body = this.keptBytes > 0 ? Buffer.concat(this.kept).toString('utf8') : null;
    const retryAfterMs = parseRetryAfter(this.retryAfter, this.options.clock.nowMs());
    return {
      kind: 'responded',
      status: this.status,
      retryAfterMs,
      body,
      ...(this.headers && { headers: this.headers }),
      ...(this.quota && { rateLimit: this.quota }),
    };
  }

  /** A refusal is one without its body, too; whether a 2xx is an error only its body can say. */
  private brokenOff(error: string): Outcome {
    const isOpen = this.options.needsBody === true && this.status < 300;
    return isOpen ? { kind: 'unreachable', when: 'after', code: 'HF_ANSWER_CUT', error } : this.responded();
  }

  private giveUp(controller: Dispatcher.DispatchController): void {
    this.end(this.responded());
    controller.abort(new Error('the answer is larger than is read'));
  }

  private answerMaxBytes(): number {
    return this.options.answerMaxBytes ?? answerMaxBytesDefault;
  }

  private end(outcome: Outcome): void {
    if (this.isTold) return;
    this.isTold = true;
    this.forget();
    this.tell(outcome);
  }
}

function picked(headers: Readonly<Record<string, string | string[] | undefined>>, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) found[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return found;
}

function codeOf(error: Error): string {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: Error[] };
  return code ?? (errors?.[0] ? codeOf(errors[0]) : error.name);
}

/** Of several addresses each failed in its own way. */
function messageOf(error: Error): string {
  const { errors } = error as { errors?: Error[] };
  return error.message || (errors ?? []).map(({ message }) => message).join('; ') || error.name;
}
