import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decideBodyKind, type BodyKind } from './decide-body.js';
import { readTraceparent, wellFormedCorrelationId } from './decide-correlation.js';
import { admit } from './ingest.pipeline.js';
import type { DoorPorts, RefusalCode, WebhookSource } from './ingest.ports.js';
import { PROBLEMS, problemBody, RETRY_AFTER_SECONDS } from './problems.js';

export type DoorOptions = Readonly<{
  sources: readonly WebhookSource[];
  ports: DoorPorts;
  /** Bodies being read or answered, together; past it a request is refused before its body is read. */
  inFlightMaxBytes: number;
  stopping(): boolean;
}>;

/** Registered on the HTTP server before it listens. */
export type DoorPlugin = (instance: FastifyInstance) => Promise<void>;

/** Content types seen so far: the few a sender really uses need no second look. */
const CONTENT_TYPES_MAX = 256;

/**
 * Puts the door on a Fastify instance, beside Nest's routing: one static route a source, with the source's own body bound, and
 * parsers, hooks and error answers of its own. Measured, Nest's route pipeline costs a good tenth of a bare request, and the
 * door's work has to fit into less than one.
 */
export function openDoor(options: DoorOptions): DoorPlugin {
  return async (parent) => {
    await parent.register(
      async (instance) => {
        const door = new Door(options);
        instance.removeAllContentTypeParsers();
        instance.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
        instance.decorateRequest('passage', null);
        instance.setErrorHandler((error: FastifyError, request, reply) => door.failed(error, request, reply));
        // A route, not a not-found handler: Nest has one of its own. Refused before the body is read.
        const nowhere = {
          onRequest: (request: FastifyRequest, reply: FastifyReply) => door.notFound(request, reply),
          handler: () => undefined,
        };
        for (const url of ['/', '/*']) instance.all(url, nowhere);
        for (const source of options.sources) {
          const takes = memo((contentType) => decideBodyKind(contentType || undefined, source.contentTypes));
          instance.post(`/${source.name}`, {
            bodyLimit: source.bodyMaxBytes,
            onRequest: (request, reply, next) => door.enter(request, reply, { source, takes, next }),
            handler: (request, reply) => door.handle(request, reply),
          });
        }
      },
      { prefix: '/in' },
    );
  };
}

/** What is known of a request before its body is read. */
type Passage = { source: WebhookSource; kind: BodyKind; correlationId: string; traceparent: string };
type DoorRequestOf = FastifyRequest & { passage: Passage | null };
type Entry = Readonly<{ source: WebhookSource; takes(contentType: string): BodyKind | null; next(): void }>;

const NO_BODY = Buffer.alloc(0);

class Door {
  private heldBytes = 0;
  private readonly names: ReadonlySet<string>;

  constructor(private readonly options: DoorOptions) {
    this.names = new Set(options.sources.map(({ name }) => name));
  }

  /** Before the body is read: what is refused here costs neither memory nor the sender's upload. */
  enter(request: FastifyRequest, reply: FastifyReply, { source, takes, next }: Entry): void {
    const { headers } = request;
    const { correlationId, traceparent } = this.correlate(request, reply);
    const kind = takes(headers['content-type'] ?? '');
    const encoding = headers['content-encoding'];
    const announced = headers['content-length'] === undefined ? source.bodyMaxBytes : Number(headers['content-length']);
    const code: RefusalCode | null = this.options.stopping()
      ? 'stopping'
      : kind === null
        ? 'content-type'
        : encoding !== undefined && encoding !== 'identity'
          ? 'content-encoding'
          : announced > source.bodyMaxBytes
            ? 'too-large'
            : this.heldBytes + announced > this.options.inFlightMaxBytes
              ? 'busy'
              : null;
    if (code !== null) return this.refuse(request, reply, { code, source: source.name, correlationId });
    this.hold(reply, announced);
    (request as DoorRequestOf).passage = { source, kind: kind!, correlationId, traceparent };
    next();
  }

  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { source, kind, correlationId, traceparent } = (request as DoorRequestOf).passage!;
    const { headers } = request;
    const admission = await admit(
      {
        header: (name) => headers[name] as string | undefined,
        body: (request.body as Buffer | undefined) ?? NO_BODY,
        contentType: headers['content-type'],
        kind,
        correlationId,
        traceparent,
      },
      source,
      this.options.ports,
    );
    if (admission.kind === 'accepted') {
      // As text: Node then writes head and body in one piece, which is a quarter of this request's cost less.
      const body = `{"id":${JSON.stringify(admission.id)},"correlationId":"${correlationId}"}`;
      return reply.code(202).header('content-type', 'application/json; charset=utf-8').send(body);
    }
    this.refuse(request, reply, { code: admission.code, source: source.name, correlationId });
    return reply;
  }

  notFound(request: FastifyRequest, reply: FastifyReply): void {
    const { correlationId } = this.correlate(request, reply);
    const name = request.url.split('?', 1)[0]!.slice('/in/'.length);
    const known = this.names.has(name);
    if (known) void reply.header('allow', 'POST');
    this.refuse(request, reply, { code: known ? 'method' : 'unknown-source', source: known ? name : '', correlationId });
  }

  failed(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    const passage = (request as DoorRequestOf).passage;
    const correlationId = passage?.correlationId ?? this.correlate(request, reply).correlationId;
    const status = error.statusCode ?? 500;
    const code: RefusalCode = status === 413 ? 'too-large' : status === 415 ? 'content-type' : status < 500 ? 'bad-request' : 'internal';
    this.refuse(request, reply, {
      code,
      source: passage?.source.name ?? '',
      correlationId,
      error: code === 'internal' ? error : undefined,
    });
  }

  private correlate({ headers }: FastifyRequest, reply: FastifyReply): { correlationId: string; traceparent: string } {
    const { naming } = this.options.ports;
    const given = headers['x-correlation-id'];
    const correlationId = typeof given === 'string' && wellFormedCorrelationId(given) ? given : naming.correlationId();
    const traceparent = readTraceparent(headers['traceparent'] as string | undefined) ?? naming.traceparent();
    void reply.header('x-correlation-id', correlationId).header('traceparent', traceparent);
    return { correlationId, traceparent };
  }

  private refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    { code, source, correlationId, error }: { code: RefusalCode; source: string; correlationId: string; error?: Error },
  ): void {
    const { status } = PROBLEMS[code];
    if (status === 503) void reply.header('retry-after', RETRY_AFTER_SECONDS);
    // The rest of a body that nobody reads would stand before the next request of this connection.
    if (code === 'too-large' || code === 'stopping') void reply.header('connection', 'close');
    this.options.ports.telling.refused({
      source,
      status,
      code,
      correlationId,
      bytes: Number(request.headers['content-length'] ?? 0),
      error,
    });
    void reply
      .code(status)
      .header('content-type', 'application/problem+json')
      .send(Buffer.from(problemBody(code, correlationId)));
  }

  /** Released when the answer is out or the connection gone: `close` comes once, whatever happened. */
  private hold(reply: FastifyReply, bytes: number): void {
    this.heldBytes += bytes;
    reply.raw.once('close', () => (this.heldBytes -= bytes));
  }
}

function memo(decide: (contentType: string) => BodyKind | null): (contentType: string) => BodyKind | null {
  const known = new Map<string, BodyKind | null>();
  return (contentType) => {
    const seen = known.get(contentType);
    if (seen !== undefined) return seen;
    const decided = decide(contentType);
    if (known.size < CONTENT_TYPES_MAX) known.set(contentType, decided);
    return decided;
  };
}
