import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { metricCatalogue, type AppName, type MetricCatalogue, type MetricDefinition } from './metric-catalogue.js';

type Instrument<D extends MetricDefinition> = D['kind'] extends 'counter'
  ? Counter<D['labels'][number]>
  : D['kind'] extends 'gauge'
    ? Gauge<D['labels'][number]>
    : Histogram<D['labels'][number]>;

type KeysOf<A extends AppName> = {
  [K in keyof MetricCatalogue]: A extends MetricCatalogue[K]['apps'][number] ? K : never;
}[keyof MetricCatalogue];

/** The instruments of one app: one it does not own does not compile, so none is counted and never exported. */
export type Metrics<A extends AppName = AppName> = { readonly registry: Registry } & {
  readonly [K in KeysOf<A>]: Instrument<MetricCatalogue[K]>;
};

/** A registry of its own for each call, with Node's default metrics unless told otherwise (tests). */
export function createMetrics<A extends AppName>(app: A, { defaults = true }: { defaults?: boolean } = {}): Metrics<A> {
  const registry = new Registry();
  if (defaults) collectDefaultMetrics({ register: registry });
  const instruments: Record<string, unknown> = { registry };
  for (const [key, definition] of Object.entries<MetricDefinition>(metricCatalogue)) {
    if (definition.apps.includes(app)) instruments[key] = instrument(definition, registry);
  }
  return instruments as Metrics<A>;
}

function instrument({ kind, name, help, labels, buckets }: MetricDefinition, registry: Registry) {
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  switch (kind) {
    case 'counter':
      return new Counter(common);
    case 'gauge':
      return new Gauge(common);
    case 'histogram':
      return new Histogram({ ...common, buckets: [...(buckets ?? [])] });
  }
}

/** A label that only takes values known beforehand; every other counts as `other`, so strangers cannot grow the series. */
export function boundedLabel(known: Iterable<string>): (value: string) => string {
  const names = new Set(known);
  return (value) => (names.has(value) ? value : 'other');
}

/** {@link boundedLabel} for the configuration's `eventTypes`. */
export const boundedType = (eventTypes: Iterable<string | { readonly type: string }>): ((type: string) => string) =>
  boundedLabel([...eventTypes].map((entry) => (typeof entry === 'string' ? entry : entry.type)));
