import { fastify, type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { Secret, type WebhookConfig } from '#libs/config/src/index.js';
import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import type { HoldfastEvent } from '#libs/domain/src/index.js';
import type { OutRecord } from '#libs/kafka/src/index.js';
import { planEnvelope, type EnvelopeConfig } from '../decide-envelope.js';
import { openDoor } from '../door.fastify.js';
import type { AppendOutcome, DoorPorts, WebhookSource } from '../ingest.ports.js';
import { systemNaming } from '../naming.js';
import { signatureVerifier } from '../signature.js';

export const SECRET = "It's a Secret to Everybody";

export type TestSource = Readonly<{ name: string; webhook?: Partial<WebhookConfig>; event?: Partial<EnvelopeConfig['event']> }>;

/** One webhook source as configured; by default `none`, an id and an entity by pointer, and the type `thing.changed`. */
export function testSource({ name, webhook, event }: TestSource): WebhookSource {
  const { verify = { scheme: 'none' as const }, bodyMaxBytes = 1_000, contentTypes = null } = webhook ?? {};
  const secrets = { get: () => [new Secret(SECRET)] };
  return {
    name,
    bodyMaxBytes,
    contentTypes,
    signature: signatureVerifier(verify, secrets),
    envelope: planEnvelope({
      name,
      event: {
        id: { kind: 'pointer', pointer: '/id' },
        type: { kind: 'literal', value: 'thing.changed' },
        entity: { kind: 'pointer', pointer: '/thing' },
        revision: null,
        time: null,
        ...event,
      },
      idempotency: { key: [{ kind: 'id' }] },
    }),
  };
}

export type Refused = Parameters<DoorPorts['telling']['refused']>[0];

/** A door on a real port before an appender that the test answers for. */
export async function openTestDoor(sources: readonly TestSource[], { inFlightMaxBytes = 1_000_000 } = {}) {
  const codec: Codec = await openCodec(new MemoryRegistry(), { register: true });
  const appended: OutRecord[] = [];
  const received: string[] = [];
  const refused: Refused[] = [];
  const state = {
    stopping: false,
    answer: (async () => 'appended') as (record: OutRecord) => Promise<AppendOutcome>,
  };
  const ports: DoorPorts = {
    appender: {
      append: (record) => {
        appended.push(record);
        return state.answer(record);
      },
    },
    encoder: { encode: (event) => codec.encode('Event', event) },
    naming: systemNaming(() => Date.now()),
    telling: { received: (source, type) => void received.push(`${source} ${type}`), refused: (line) => void refused.push(line) },
    nowMs: () => Date.now(),
    eventsTopic: 'hf.events',
  };
  const server: FastifyInstance = fastify();
  await server.register(openDoor({ sources: sources.map(testSource), ports, inFlightMaxBytes, stopping: () => state.stopping }));
  await server.listen({ port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const events = (): HoldfastEvent[] =>
    appended.map(({ value }) => {
      const decoded = codec.decodeSync('Event', value!);
      if (!decoded.ok) throw new Error(`the test's codec cannot read its own event: ${decoded.code}`);
      return decoded.value;
    });
  return { url, state, appended, received, refused, events, close: () => server.close() };
}
