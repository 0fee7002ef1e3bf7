import type { CompleteConfig, CompleteSource } from './complete-config.js';
import type { RawFault } from './describe-issue.js';
import { durationMs, sizeBytes } from './units.js';

/** What the envelope may add to a body: headers, attributes, faults, and Avro's own bytes (rule 8). */
export const ENVELOPE_MAX_BYTES = 256 * 1024;

export type Check = { faults: RawFault[]; warnings: RawFault[] };

/** Checks of sources that need more than one key to see. */
export function checkSources(config: CompleteConfig): Check {
  const found: Check = { faults: [], warnings: [] };
  config.sources.forEach((source, index) => {
    const at = ['sources', index] as const;
    checkEvent(source, at, found);
    checkKey(source, at, found);
    checkBounds(source, at, config, found);
    if (!config.routes.some(({ from }) => from.includes(source.name))) {
      found.warnings.push({
        path: [...at, 'name'],
        problem: 'is in no route: its events end as unrouted',
        mend: 'name it in the from of a route, or take it out',
      });
    }
  });
  return found;
}

type At = readonly ['sources', number];
const isLiteral = (value: string | undefined): boolean => value !== undefined && !value.startsWith('/') && !/^header:/i.test(value);

function checkEvent({ event, topic }: CompleteSource, at: At, { faults, warnings }: Check): void {
  for (const part of ['id', 'revision', 'time'] as const) {
    if (!isLiteral(event[part])) continue;
    const mend = `write a JSON Pointer such as /${part}, or header:<name>`;
    faults.push({
      path: [...at, 'event', part],
      problem: `is the same for every event: a literal cannot be ${part === 'id' ? 'an id' : `a ${part}`}`,
      mend,
    });
  }
  if (isLiteral(event.entity)) {
    warnings.push({
      path: [...at, 'event', 'entity'],
      problem: 'is a literal: all events are one entity and stand in one partition',
      mend: 'write a JSON Pointer such as /order/id, unless that is meant',
    });
  }
  if (topic?.format === 'cloudevents' || event.type !== undefined) return;
  faults.push({ path: [...at, 'event'], problem: 'names no type', mend: 'add type: a JSON Pointer, header:<name> or the type itself' });
}

/** Rule 15: a key lives in its entity's partition, so it must determine the entity. */
function checkKey({ event, idempotency, topic }: CompleteSource, at: At, { faults, warnings }: Check): void {
  const path = [...at, 'idempotency', 'key'];
  const { key, digest } = idempotency;
  for (const part of ['revision', 'time'] as const) {
    if (key.includes(part) && event[part] === undefined)
      faults.push({
        path,
        problem: `uses ${part}, which the event does not have`,
        mend: `add event: { ${part}: … }, or take it out of the key`,
      });
  }
  if (key.includes('entity') && event.entity === undefined) {
    faults.push({
      path,
      problem: 'uses entity, which the event does not have',
      mend: 'add event: { entity: … }, or take it out of the key',
    });
  }
  if (digest && !key.includes('digest')) {
    faults.push({
      path: [...at, 'idempotency', 'digest'],
      problem: 'is not used by the key',
      mend: 'add digest to the key, such as key: [entity, digest]',
    });
  }
  const { entity } = event;
  const wholeBody = key.includes('digest') && !digest && entity?.startsWith('/');
  const determines =
    key.includes('id') ||
    key.includes('entity') ||
    isLiteral(entity) ||
    wholeBody ||
    (entity !== undefined && (key.includes(entity) || (key.includes('digest') && digest?.includes(entity))));
  if (!determines) {
    faults.push({
      path,
      problem: 'does not determine the entity: two entities could share a key',
      mend: entity ? 'add entity to the key' : 'use [id], or add event: { entity: … } and entity to the key',
    });
  }
  if (key.includes('id') && event.id === undefined && topic?.format !== 'cloudevents') {
    warnings.push({
      path,
      problem: 'is made of an id that the sender does not give: a repeated event is not recognised',
      mend: 'add event: { id: … }, or choose another key such as [entity, digest]',
    });
  }
  if (key.length === 1 && key[0] === 'entity') {
    warnings.push({
      path,
      problem: `lets one event of each entity pass in ${idempotency.window}`,
      mend: 'add revision or id to the key, unless that is meant',
    });
  }
}

function checkBounds(source: CompleteSource, at: At, { topics }: CompleteConfig, { faults }: Check): void {
  const { retention } = topics;
  const kept = typeof retention.events === 'string' ? retention.events : retention.events.time;
  const { window } = source.idempotency;
  if (durationMs(window) > durationMs(kept)) {
    const mend = `shorten it to ${kept} at most, or lengthen topics.retention.events: a window is rebuilt from the log`;
    faults.push({ path: [...at, 'idempotency', 'window'], problem: `is longer than the event log is kept (${kept})`, mend });
  }
  if (source.webhook && sizeBytes(source.webhook.bodyMax) + ENVELOPE_MAX_BYTES > sizeBytes(topics.messageMax)) {
    const mend = 'lower it, or raise topics.messageMax to at least 256KiB more than it';
    faults.push({
      path: [...at, 'webhook', 'bodyMax'],
      problem: `does not fit into a record of ${topics.messageMax} with its envelope`,
      mend,
    });
  }
  if (source.topic?.name.startsWith(topics.prefix)) {
    const mend = "read the producer's own topic, or choose another topics.prefix";
    faults.push({
      path: [...at, 'topic', 'name'],
      problem: `begins as Holdfast's own topics do (${topics.prefix}): it would feed on itself`,
      mend,
    });
  }
}
