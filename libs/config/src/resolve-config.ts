import { resolve } from 'node:path';
import { resolveAuth, resolveTls, secretRef } from './resolve-auth.js';
import { classifyRule } from './resolve-classify.js';
import { resolveLookup, resolveStage } from './resolve-stages.js';
import { valueFrom } from './resolve-values.js';
import type { CompleteConfig, CompleteDestination, CompleteSource } from './complete-config.js';
import type {
  DestinationConfig,
  HoldfastConfig,
  KeyPart,
  RetryTier,
  SourceConfig,
  TopicRetention,
  TopicsConfig,
  ValueFrom,
  VerifyConfig,
} from './configuration.js';
import { resolveLimits } from './resolve-limits.js';
import { durationMs, sizeBytes } from './units.js';
import { resolveFairness } from './fairness.schema.js';
import { resolveBatch } from './resolve-batch.js';
import { resolveTransform } from './resolve-transform.js';
import { urlTemplate } from './url-template.js';

/** Makes numbers, absolute paths and unions of a checked configuration. `folder` is where the file that names a path stands. */
export function resolveConfig(config: CompleteConfig, folder: string): HoldfastConfig {
  const { version, singleNode, environment, outbound } = config;
  return {
    version,
    singleNode,
    environment,
    dev: environment === 'dev',
    outbound,
    credentials: { tokenKeys: (config.credentials.tokenKeys ?? []).map((ref) => secretRef(ref, folder)) },
    topics: topics(config.topics),
    retry: { tiers: linesOf(config) },
    sources: config.sources.map((source) => resolveSource(source, folder)),
    destinations: config.destinations.map((destination) => resolveDestination(destination, config, folder)),
    routes: config.routes.map((route) => ({
      from: route.from,
      types: route.types,
      to: route.to,
      ordering: route.ordering,
      transforms: (route.transform ? [route.transform] : (route.transforms ?? [])).map((one) => resolveTransform(one, folder)),
      coalesceMs: route.coalesce === undefined ? null : durationMs(windowOf(route.coalesce)),
      onDeadLetter: route.onDeadLetter ?? config.destinations.find(({ name }) => name === route.to)?.onDeadLetter ?? 'stop',
    })),
    eventTypes: config.eventTypes.map(({ type, schema, owner }) => ({
      type,
      schema: schema === undefined ? null : resolve(folder, schema),
      owner: owner ?? null,
    })),
    alerts: config.alerts,
    console: { tokens: config.console.tokens.map((one) => ({ ...one, token: secretRef(one.token, folder) })) },
  };
}

/** The delay lines there are: the tiers, and a line for each window that none of them is. */
function linesOf({ retry, routes }: CompleteConfig): RetryTier[] {
  const lines = retry.tiers.map(tier);
  for (const { coalesce } of routes) {
    const line = coalesce === undefined ? null : tier(windowOf(coalesce));
    if (line && !lines.some(({ delayMs }) => delayMs === line.delayMs)) lines.push(line);
  }
  return lines;
}

const windowOf = (coalesce: string | { window: string }): string => (typeof coalesce === 'string' ? coalesce : coalesce.window);
const tier = (text: string): RetryTier => ({ name: text, delayMs: durationMs(text) });

function topics({ messageMax, retention, ...rest }: CompleteConfig['topics']): TopicsConfig {
  const kept = (written: string | { time: string; bytes?: string | undefined }): TopicRetention =>
    typeof written === 'string'
      ? { ms: durationMs(written), bytes: -1 }
      : { ms: durationMs(written.time), bytes: written.bytes === undefined ? -1 : sizeBytes(written.bytes) };
  return {
    ...rest,
    messageMaxBytes: sizeBytes(messageMax),
    retention: {
      events: kept(retention.events),
      deliveries: kept(retention.deliveries),
      retry: kept(retention.retry),
      parked: kept(retention.parked),
      dlq: kept(retention.dlq),
      invalid: kept(retention.invalid),
      ledger: kept(retention.ledger),
      commands: kept(retention.commands),
    },
  };
}

function resolveSource({ name, webhook, topic, event, idempotency }: CompleteSource, folder: string): SourceConfig {
  return {
    name,
    webhook: webhook
      ? {
          verify: verify(webhook.verify, folder),
          bodyMaxBytes: sizeBytes(webhook.bodyMax),
          contentTypes: webhook.contentTypes?.map((type) => type.toLowerCase()) ?? null,
        }
      : null,
    topic: topic ?? null,
    event: {
      id: valueOrNull(event.id),
      type: valueOrNull(event.type),
      entity: valueOrNull(event.entity),
      revision: valueOrNull(event.revision),
      time: valueOrNull(event.time),
      schemaVersion: valueOrNull(event.schemaVersion),
    },
    idempotency: { key: idempotency.key.map((part) => keyPart(part, idempotency.digest ?? [])), windowMs: durationMs(idempotency.window) },
  };
}

function verify(written: NonNullable<CompleteSource['webhook']>['verify'], folder: string): VerifyConfig {
  switch (written.scheme) {
    case 'none':
      return written;
    case 'github':
    case 'shopify':
      return { scheme: written.scheme, secrets: written.secrets.map((ref) => secretRef(ref, folder)) };
    case 'stripe':
    case 'slack':
    case 'standard-webhooks':
      return {
        scheme: written.scheme,
        secrets: written.secrets.map((ref) => secretRef(ref, folder)),
        toleranceMs: durationMs(written.tolerance),
      };
    case 'hmac':
      return { ...written, header: written.header.toLowerCase(), secrets: written.secrets.map((ref) => secretRef(ref, folder)) };
  }
}

const valueOrNull = (text: string | undefined): ValueFrom | null => (text === undefined ? null : valueFrom(text));

function keyPart(text: string, digest: readonly string[]): KeyPart {
  switch (text) {
    case 'id':
    case 'entity':
    case 'revision':
    case 'time':
      return { kind: text };
    case 'digest':
      return { kind: 'digest', pointers: digest };
    default:
      return valueFrom(text) as KeyPart; // The schema lets pointers and headers through, and nothing else.
  }
}

function resolveDestination(written: CompleteDestination, { retry }: CompleteConfig, folder: string): DestinationConfig {
  const { name, http, unknown, breaker, signing } = written;
  const lines = retry.tiers.map(tier);
  return {
    name,
    http: {
      url: urlTemplate(http.url),
      method: http.method,
      headers: http.headers,
      timeoutMs: durationMs(http.timeout),
      maxInFlight: http.maxInFlight,
    },
    batch: written.batch ? resolveBatch(written.batch) : null,
    proxy: written.proxy
      ? {
          url: written.proxy.url,
          username: written.proxy.username ?? null,
          password: written.proxy.password ? secretRef(written.proxy.password, folder) : null,
        }
      : null,
    auth: written.auth ? resolveAuth(written.auth, folder) : null,
    tls: written.tls ? resolveTls(written.tls, folder) : null,
    signing: signing ? { scheme: signing.scheme, secrets: signing.secrets.map((ref) => secretRef(ref, folder)) } : null,
    unknown: {
      resolve: unknown.resolve,
      settleMs: durationMs(unknown.settle),
      validForMs: durationMs(unknown.validFor),
      statuses: unknown.statuses,
      lookup: unknown.lookup ? resolveLookup(unknown.lookup) : null,
    },
    classify: written.classify.map(classifyRule),
    stages: written.stages?.map((stage) => resolveStage(stage, written)) ?? null,
    answer: { keepMaxBytes: sizeBytes(written.answer.keepMax), mask: written.answer.mask },
    retry: {
      // The line's own name, which may say the same duration in another unit.
      tiers: written.retry.tiers.map((text) => lines.find((line) => line.delayMs === durationMs(text))!),
      attemptsMax: written.retry.maxAttempts,
      maxAgeMs: durationMs(written.retry.maxAge),
      budget: written.retry.budget,
    },
    breaker: {
      failures: breaker.failures,
      rate: { share: breaker.rate.share, windowMs: durationMs(breaker.rate.window), atLeast: breaker.rate.atLeast },
      probe: { url: breaker.probe.url ?? null, firstMs: durationMs(breaker.probe.first), maxMs: durationMs(breaker.probe.max) },
    },
    fairness: written.fairness ? resolveFairness(written.fairness) : null,
    ...resolveLimits(written),
    runbook: written.runbook ?? null,
  };
}
