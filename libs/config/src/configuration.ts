/**
 * The configuration as the apps use it: every default applied, durations in milliseconds, sizes in bytes, paths
 * absolute, references checked. What a person writes is described by `config.schema.ts` and docs/reference/config.md.
 */
export type HoldfastConfig = Readonly<{
  version: 1;
  /** Allows replication 1; without it replication 3 and min ISR 2 are required (rule 9). */
  singleNode: boolean;
  environment: string;
  /** `environment: dev`: loopback and private destinations are allowed, missing source topics are created. */
  dev: boolean;
  outbound: Readonly<{ allow: readonly string[] }>;
  /** The first seals tokens in Redis, all open; empty: tokens stay in the process. */
  credentials: Readonly<{ tokenKeys: readonly SecretRef[] }>;
  topics: TopicsConfig;
  retry: Readonly<{ tiers: readonly RetryTier[] }>;
  sources: readonly SourceConfig[];
  destinations: readonly DestinationConfig[];
  routes: readonly RouteConfig[];
  eventTypes: readonly EventTypeConfig[];
  alerts: readonly AlertConfig[];
  console: Readonly<{ tokens: readonly ConsoleTokenConfig[] }>;
}>;

export type ConsoleTokenConfig = Readonly<{ name: string; role: 'viewer' | 'operator' | 'admin'; token: SecretRef }>;

/** A delay line: `name` as written (`30s`), which is also the end of its topic's name. */
export type RetryTier = Readonly<{ name: string; delayMs: number }>;

/** Holdfast's own topics. Retention counts from a record's append time; `bytes` is per partition, -1 for no bound. */
export type TopicsConfig = Readonly<{
  prefix: string;
  partitions: number;
  replication: number;
  minInSyncReplicas: number;
  /** The largest record of `hf.events`; later topics are made a little larger (rule 8). */
  messageMaxBytes: number;
  retention: Readonly<Record<TopicKind, TopicRetention>>;
}>;
export type TopicKind = 'events' | 'deliveries' | 'retry' | 'parked' | 'dlq' | 'invalid' | 'ledger' | 'commands';
export type TopicRetention = Readonly<{ ms: number; bytes: number }>;

/** Where a value of the envelope comes from. */
export type ValueFrom =
  | Readonly<{ kind: 'pointer'; pointer: string }>
  | Readonly<{ kind: 'header'; name: string }>
  | Readonly<{ kind: 'literal'; value: string }>;

/** One part of an idempotency key. A `digest` without pointers is taken over the whole body. */
export type KeyPart =
  | Readonly<{ kind: 'id' }>
  | Readonly<{ kind: 'entity' }>
  | Readonly<{ kind: 'revision' }>
  | Readonly<{ kind: 'time' }>
  | Readonly<{ kind: 'pointer'; pointer: string }>
  | Readonly<{ kind: 'header'; name: string }>
  | Readonly<{ kind: 'digest'; pointers: readonly string[] }>;

export type SourceConfig = Readonly<{
  name: string;
  /** Exactly one of `webhook` and `topic` is set. */
  webhook: WebhookConfig | null;
  topic: TopicSourceConfig | null;
  /** null: the source names none. Then the id is made, the entity is the id, and a missing type is `invalid`. */
  event: Readonly<{
    id: ValueFrom | null;
    type: ValueFrom | null;
    entity: ValueFrom | null;
    revision: ValueFrom | null;
    time: ValueFrom | null;
    schemaVersion: ValueFrom | null;
  }>;
  idempotency: Readonly<{ key: readonly KeyPart[]; windowMs: number }>;
}>;

export type WebhookConfig = Readonly<{
  verify: VerifyConfig;
  bodyMaxBytes: number;
  /** Accepted media types, lower case, without parameters; null for the default (any JSON type, form, text; absent counts as JSON). */
  contentTypes: readonly string[] | null;
}>;

export type TopicSourceConfig = Readonly<{ name: string; format: 'avro' | 'json' | 'cloudevents' }>;

export type VerifyConfig =
  | Readonly<{ scheme: 'none' }>
  | Readonly<{ scheme: 'github'; secrets: readonly SecretRef[] }>
  | Readonly<{ scheme: 'shopify'; secrets: readonly SecretRef[] }>
  | Readonly<{ scheme: 'stripe' | 'slack' | 'standard-webhooks'; secrets: readonly SecretRef[]; toleranceMs: number }>
  | Readonly<{
      scheme: 'hmac';
      /** Lower case. */
      header: string;
      algorithm: 'sha1' | 'sha256' | 'sha384' | 'sha512';
      encoding: 'hex' | 'base64' | 'base64url';
      /** What stands before the signature in the header; '' for nothing. */
      prefix: string;
      secrets: readonly SecretRef[];
    }>;

/** Where a secret is, never the secret. `path` is absolute. Read it through {@link SecretStore}. */
export type SecretRef = Readonly<{ kind: 'file'; path: string }> | Readonly<{ kind: 'env'; name: string }>;

export type DestinationConfig = Readonly<{
  name: string;
  http: Readonly<{
    url: UrlTemplate;
    method: HttpMethod;
    headers: Readonly<Record<string, string>>;
    timeoutMs: number;
    maxInFlight: number;
  }>;
  /** Several events in one request; null: one each. */
  batch: BatchConfig | null;
  /** On the way to the partner. */
  proxy: Readonly<{ url: string; username: string | null; password: SecretRef | null }> | null;
  auth: AuthConfig | null;
  tls: TlsConfig | null;
  signing: Readonly<{ scheme: 'standard-webhooks'; secrets: readonly SecretRef[] }> | null;
  unknown: Readonly<{
    resolve: 'idempotency-key' | 'lookup' | 'resend' | 'hold';
    settleMs: number;
    validForMs: number;
    /** Answers that count as unknown under `resend` and `hold` (rule 28). */
    statuses: readonly number[];
    lookup: LookupConfig | null;
  }>;
  classify: readonly ClassifyRule[];
  answer: AnswerConfig;
  /** A delivery is this sequence of requests; null: the one of `http`. */
  stages: readonly StageConfig[] | null;
  /** Attempts are tiers + 1. */
  retry: Readonly<{
    tiers: readonly RetryTier[];
    attemptsMax: number;
    maxAgeMs: number;
    budget: Readonly<{ share: number; minPerSecond: number }>;
  }>;
  breaker: BreakerConfig;
  /** Over all replicas together. */
  rateLimit: Readonly<{ perSecond: number; burst: number }> | null;
  /** Found out between `min` and http.maxInFlight; null: http.maxInFlight. */
  concurrency: Readonly<{ min: number }> | null;
  /** Slots by turns; null: first come, first served. */
  fairness: FairnessConfig | null;
  /** Maintenance windows and quiet hours. */
  closed: readonly ClosedWindow[];
  runbook: string | null;
}>;

/** Whom a delivery counts towards, and how many have a turn of their own. */
export type FairnessConfig = Readonly<{
  by:
    | Readonly<{ kind: 'source' | 'type' | 'entity' }>
    | Readonly<{ kind: 'pointer'; pointer: string }>
    | Readonly<{ kind: 'attribute'; name: string }>;
  groupsMax: number;
}>;

/** A time at which a partner is not to be called. Both expressions are cron of five fields, in the time zone. */
export type ClosedWindow = Readonly<{
  opens: string;
  timeZone: string;
  lasts: Readonly<{ kind: 'for'; ms: number }> | Readonly<{ kind: 'until'; cron: string }>;
  /** As it was written, for people. */
  detail: string;
}>;

export type BatchConfig = Readonly<{
  maxEvents: number;
  maxWaitMs: number;
  maxBytes: number;
  format: 'json-array' | 'ndjson';
  /** Pointer into an event to what the partner knows it by. */
  key: string | null;
  /** A request that is refused as a whole took nothing. */
  atomic: boolean;
  results: Readonly<{
    /** '' for the whole answer. */
    pointer: string;
    names: Readonly<{ kind: 'id'; pointer: string }> | Readonly<{ kind: 'index'; pointer: string }> | Readonly<{ kind: 'order' }>;
    /** null: whatever is listed was refused. */
    status: string | null;
    statuses: Readonly<Record<string, number>>;
    error: string | null;
    lists: 'all' | 'failures';
  }> | null;
}>;

/** A URL as written, with its placeholders. Filled by {@link urlFiller}. */
export type UrlTemplate = Readonly<{
  text: string;
  placeholders: readonly Placeholder[];
  /** JSON Pointers into the event's data, such as `/order/id` for `{/order/id}`. */
  pointers: readonly string[];
}>;
export type Placeholder = 'entity' | 'id' | 'type' | 'revision' | 'source' | 'correlationid' | 'delivery';

export type AuthConfig =
  | Readonly<{ kind: 'bearer'; token: SecretRef }>
  | Readonly<{ kind: 'basic'; username: string; password: SecretRef }>
  | Readonly<{ kind: 'header'; name: string; value: SecretRef }>
  | Readonly<{ kind: 'query'; name: string; value: SecretRef }>
  | OAuth2Config;

export type OAuth2Config = Readonly<{
  kind: 'oauth2';
  tokenUrl: string;
  clientId: string;
  clientAuth: ClientAuthConfig;
  scopes: readonly string[];
  audience: string | null;
  grant: Readonly<{ kind: 'client_credentials' }> | Readonly<{ kind: 'refresh_token'; refreshToken: SecretRef }>;
  /** A share of the token's life. */
  refreshAt: number;
  timeoutMs: number;
  tls: TlsConfig | null;
}>;

export type ClientAuthConfig =
  | Readonly<{ kind: 'basic' | 'post'; secret: SecretRef }>
  | Readonly<{ kind: 'private-key-jwt'; key: SecretRef; keyId: string | null }>
  | Readonly<{ kind: 'tls' }>;

/** PEM behind references. `cert` and `key` come together. */
export type TlsConfig = Readonly<{ cert: SecretRef | null; key: SecretRef | null; ca: SecretRef | null }>;

export type HttpMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET' | 'HEAD';

export type LookupConfig = Readonly<{
  url: UrlTemplate;
  method: 'GET' | 'HEAD' | 'POST';
  /** Pointer into the answer to a revision that must be at least this change's. */
  revision: string | null;
  /** Pointer into the answer → what must stand there (a value of the event). */
  match: Readonly<Record<string, ValueFrom>> | null;
  /** Every delivery creates its record under an external id of its own, so found is proof. */
  creates: boolean;
  /** JSON with placeholders in its texts; undefined: none. */
  body: unknown;
  timeoutMs: number | null;
  /** So long "not found" is asked again. */
  graceMs: number;
  result: Readonly<Record<string, ResultFrom>>;
}>;

/** Something of a partner's answer; header names are lower case. */
export type ResultFrom = Readonly<{ kind: 'pointer'; pointer: string }> | Readonly<{ kind: 'header'; name: string }>;

export type StageConfig = Readonly<{
  name: string;
  http: Readonly<{ url: UrlTemplate; method: HttpMethod; headers: Readonly<Record<string, string>> }>;
  /** JSON with placeholders in its texts; undefined: the event. */
  body: unknown;
  reads: boolean;
  /** `<stage>.<name>` of an earlier one. */
  when: readonly Readonly<{ value: string; test: AnswerTest }>[];
  result: Readonly<Record<string, ResultFrom>>;
  classify: readonly ClassifyRule[];
  lookup: LookupConfig | null;
}>;

export type OutcomeClassName = 'delivered' | 'transient' | 'throttled' | 'auth' | 'business' | 'permanent' | 'unknown';
/** The first rule of which all that it names holds decides, before the defaults. Header names are lower case. */
export type ClassifyRule = Readonly<{
  statuses: readonly Readonly<{ from: number; to: number }>[] | null;
  header: Readonly<{ name: string; test: AnswerTest }> | null;
  body: Readonly<{ pointer: string; test: AnswerTest }> | null;
  as: OutcomeClassName;
}>;
/** `matches` is an expression of RE2. */
export type AnswerTest =
  | Readonly<{ kind: 'in'; values: readonly string[] }>
  | Readonly<{ kind: 'matches'; pattern: string }>
  | Readonly<{ kind: 'exists'; exists: boolean }>;
export type AnswerConfig = Readonly<{ keepMaxBytes: number; mask: readonly string[] }>;

export type BreakerConfig = Readonly<{
  failures: number;
  rate: Readonly<{ share: number; windowMs: number; atLeast: number }>;
  probe: Readonly<{ url: string | null; firstMs: number; maxMs: number }>;
}>;

export type RouteConfig = Readonly<{
  /** Names of sources, all of them when the configuration names none. */
  from: readonly string[];
  /** Patterns; `*` matches any run of characters, dots included. See {@link typeMatcher}. */
  types: readonly string[];
  to: string;
  ordering: 'unordered' | 'latest-wins' | 'strict';
  /** The first that fits makes the body; empty: the body goes byte for byte. */
  transforms: readonly TransformConfig[];
  /** Inbox coalescing: the newest of this span goes out. null: none. Its delay line is one of `retry.tiers`. */
  coalesceMs: number | null;
  /** Of a strict route: what a dead letter means for later events of its entity. */
  onDeadLetter: 'stop' | 'continue';
}>;

/** `types` null: all; `schemaVersions` null: all, and events without a version. `path` is absolute. */
export type TransformConfig = Readonly<{
  types: readonly string[] | null;
  schemaVersions: string | null;
  by: Readonly<{ kind: 'jsonata' | 'handler'; path: string }> | Readonly<{ kind: 'pass-through' }>;
  timeoutMs: number;
  inputMaxBytes: number;
  outputMaxBytes: number;
}>;

export type EventTypeConfig = Readonly<{ type: string; schema: string | null; owner: string | null }>;
export type AlertName = 'dead-letter' | 'breaker' | 'credentials' | 'invalid' | 'time-to-loss' | 'long-hold';
export type AlertConfig = Readonly<{ name: string; webhook: Readonly<{ url: string }>; on: readonly AlertName[] }>;

/** A fault or warning of a configuration: where (1-based; 0 when it has no place), what is wrong, and what mends it. */
export type ConfigFault = Readonly<{ file: string; line: number; column: number; path: string; problem: string; mend: string }>;

/** Loading is an expected outcome either way: a caller decides to print and exit with 2. */
export type LoadedConfig =
  | Readonly<{ ok: true; config: HoldfastConfig; warnings: readonly ConfigFault[]; files: readonly string[] }>
  | Readonly<{ ok: false; faults: readonly ConfigFault[]; warnings: readonly ConfigFault[] }>;
