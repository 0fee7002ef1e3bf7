/** A transform as it was read at the start: its text does not change under way, so that every attempt makes the same body. */
export type TransformScript = Readonly<{
  /** Where it was read; names it in errors. */
  path: string;
  language: Readonly<{ kind: 'jsonata'; text: string }> | Readonly<{ kind: 'handler' }>;
  timeoutMs: number;
  inputMaxBytes: number;
  outputMaxBytes: number;
}>;

/** What a transform may know of the event beside its data: `$event` in JSONata, the second argument of a handler. */
export type TransformEvent = Readonly<{
  id: string;
  type: string;
  source: string;
  entity: string;
  revision: string | null;
  schemaVersion: string | null;
  correlationId: string;
  /** ms since the epoch; what a clock shows inside a transform, too. */
  receivedAt: number;
  /** The same for every attempt of this delivery; what a partner can recognise it by. */
  deliveryId: string;
  attributes: Readonly<Record<string, string>>;
}>;

/**
 * A handler: the default export of a module. Its data is the decoded JSON, integers beyond 2^53 as text. It runs in a thread of its
 * own with a bound on its time and memory; its clock stands still at `receivedAt` and its random numbers come from the delivery,
 * so that every attempt sends the same bytes.
 */
export type TransformHandler<In = unknown, Out = unknown> = (data: In, event: TransformEvent) => Out | Promise<Out>;

/** `group` is what shares its turn: one destination's slow transforms take no other's. */
export type TransformJob = Readonly<{ group: string; script: TransformScript; data: Buffer; event: TransformEvent }>;

export type TransformFault =
  | 'transform-input'
  | 'transform-input-too-large'
  | 'transform-unusable'
  | 'transform-failed'
  | 'transform-no-result'
  | 'transform-output-too-large'
  | 'transform-timeout';
/** JSON, or why there is none: the same input fails the same way again. */
export type Transformed = Readonly<{ ok: true; body: Buffer }> | Readonly<{ ok: false; code: TransformFault; error: string }>;

/** Runs transforms beside the event loop. Never rejects; a job waits for its turn as long as it takes, and its time counts from there. */
export interface Transforms {
  run(job: TransformJob): Promise<Transformed>;
  close(): Promise<void>;
}
