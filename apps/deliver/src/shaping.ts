import { readFileSync } from 'node:fs';
import { typeMatcher, type DestinationConfig, type RouteConfig, type SecretStore, type TransformConfig } from '#libs/config/src/index.js';
import type { Delivery } from '#libs/domain/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import {
  decideTransform,
  standardWebhooksSigner,
  versionMatcher,
  type ShapeChoice,
  type ShapingRoute,
  type TransformEvent,
  type TransformRule,
  type Transforms,
  type TransformScript,
} from '#libs/shaping/src/index.js';
import type { Proxy } from './connect.undici.js';
import { BulkSender } from './bulk-sender.js';
import type { Destination, Sender, Shaped } from './deliver.ports.js';
import type { Signing } from './render-request.js';
import type { RequestLimits } from './request-limits.js';

export function signingOf({ name, signing }: DestinationConfig, secrets: SecretStore, clock: Clock): Signing | null {
  if (signing === null) return null;
  const { secrets: refs } = signing;
  try {
    return { sign: standardWebhooksSigner(() => secrets.get(refs)), nowMs: () => clock.nowMs() };
  } catch (error) {
    throw new RangeError(`destination ${name}: ${(error as Error).message}`, { cause: error });
  }
}

export function proxyOf({ proxy }: DestinationConfig, secrets: SecretStore): Proxy | null {
  if (proxy === null) return null;
  const { url, username, password } = proxy;
  return {
    url,
    authorization: () => {
      if (username === null) return null;
      const word = password === null ? '' : secrets.get([password])[0]!.reveal().toString('utf8');
      return `Basic ${Buffer.from(`${username}:${word}`).toString('base64')}`;
    },
  };
}

/** The answer to a request of many tells of each of them. */
const bulkAnswerMaxBytes = 1024 * 1024;

/** What a sender of bulk requests has to hand on of an answer. */
export const bulkNeedsOf = ({ batch }: DestinationConfig) =>
  batch?.results ? { needsBody: true, keepMaxBytes: bulkAnswerMaxBytes, answerMaxBytes: bulkAnswerMaxBytes } : {};

/** The sender itself where each delivery is a request. */
export function inBulk(
  sender: Sender,
  { http, batch }: DestinationConfig,
  how: Readonly<{ signing: Signing | null; clock: Clock; limits: RequestLimits | null }>,
): Sender {
  const { limits, ...rest } = how;
  if (batch === null || limits === null) return sender;
  return new BulkSender(sender, { ...batch, ...rest, limits, requestsMax: http.maxInFlight, timeoutMs: http.timeoutMs });
}

/** Types come from senders: what is remembered of them is bounded. */
const choicesMax = 10_000;

/** Nothing where no route to this destination has a transform: then no delivery is asked about it. */
export function shapeOf(
  { name }: Pick<DestinationConfig, 'name'>,
  routes: readonly RouteConfig[],
  transforms: Transforms,
): Pick<Destination, 'shape'> {
  const here = routes.filter(({ to }) => to === name);
  if (here.every((route) => route.transforms.length === 0)) return {};
  const choiceOf = remembered(here.map(shapingRoute));
  return {
    shape: (delivery) => {
      const choice = choiceOf(delivery);
      if (choice.kind === 'as-it-came') return null;
      if (choice.kind === 'refused') return Promise.resolve<Shaped>({ ok: false, code: choice.code, error: choice.error });
      return transforms.run({ group: name, script: choice.script, data: delivery.event.data, event: eventOf(delivery) });
    },
  };
}

function remembered(routes: readonly ShapingRoute[]): (delivery: Delivery) => ShapeChoice {
  const known = new Map<string, ShapeChoice>();
  return ({ event }) => {
    const key = `${event.source}\0${event.type}\0${event.schemaversion ?? ''}`;
    let choice = known.get(key);
    if (!choice) {
      if (known.size >= choicesMax) known.clear();
      known.set(key, (choice = decideTransform(routes, event)));
    }
    return choice;
  };
}

const shapingRoute = ({ from, types, transforms }: RouteConfig): ShapingRoute => ({
  from: new Set(from),
  matches: typeMatcher(types),
  transforms: transforms.map((one): TransformRule => ({
    fitsType: typeMatcher(one.types ?? ['*']),
    fitsVersion: versionMatcher(one.schemaVersions),
    run: scriptOf(one),
  })),
});

/** Read once, at the start: a file that changes under way would make another body for a later attempt. */
function scriptOf({ by, timeoutMs, inputMaxBytes, outputMaxBytes }: TransformConfig): TransformScript | null {
  if (by.kind === 'pass-through') return null;
  const language = by.kind === 'jsonata' ? { kind: by.kind, text: readFileSync(by.path, 'utf8') } : { kind: by.kind };
  return { path: by.path, language, timeoutMs, inputMaxBytes, outputMaxBytes };
}

const eventOf = ({ id, event }: Delivery): TransformEvent => ({
  id: event.id,
  type: event.type,
  source: event.source,
  entity: event.subject,
  revision: event.revision,
  schemaVersion: event.schemaversion,
  correlationId: event.correlationid,
  receivedAt: event.receivedat,
  deliveryId: id,
  attributes: event.attributes,
});
