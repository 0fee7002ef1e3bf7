import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { metricCatalogue, type MetricDefinition } from './metric-catalogue.js';
import { boundedType, createMetrics } from './metrics.js';

// Goal: what is documented is what is exported, and no stranger's type grows a series.
const rows = readFileSync('docs/reference/metrics.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `holdfast_'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
const documented = new Map(rows.map(([, name, kind, labels, apps]) => [name!, { kind: kind!, labels: labels!.split(', '), apps: apps! }]));
const definitions = Object.values<MetricDefinition>(metricCatalogue);

describe('docs/reference/metrics.md', () => {
  it('names every metric that exists, with its kind, labels and apps', () => {
    for (const { name, kind, labels, apps } of definitions) {
      expect([name, documented.get(name)]).toEqual([
        name,
        { kind, labels: [...labels], apps: apps.length === 7 ? 'everywhere' : apps.join(', ') },
      ]);
    }
  });

  it('names none that does not exist', () => {
    expect([...documented.keys()].filter((name) => !definitions.some((definition) => definition.name === name))).toEqual([]);
  });
});

describe('createMetrics', () => {
  it("exports an app's own metrics and nobody else's", async () => {
    const { registry, eventsReceived } = createMetrics('ingest', { defaults: false });
    eventsReceived.inc({ source: 'github', type: 'push' });
    const text = await registry.metrics();
    expect(text).toContain('holdfast_events_received_total{source="github",type="push"} 1');
    expect(text).toContain('holdfast_lag_records');
    expect(text).not.toContain('holdfast_attempts_total');
  });

  it('refuses a label that the catalogue does not know', () => {
    const { deliveries } = createMetrics('deliver', { defaults: false });
    expect(() => deliveries.inc({ destination: 'portal', entity: '1' } as never)).toThrow(/label/);
  });

  it('shows Node itself by default', async () => {
    expect(await createMetrics('dedupe').registry.metrics()).toContain('nodejs_eventloop_lag_seconds');
  });
});

describe('boundedType', () => {
  it('lets configured types through and counts the others as other', () => {
    const bounded = boundedType([{ type: 'order.updated' }, 'push']);
    expect(['order.updated', 'push', 'order.', '', 'constructor'].map(bounded)).toEqual([
      'order.updated',
      'push',
      'other',
      'other',
      'other',
    ]);
  });
});
