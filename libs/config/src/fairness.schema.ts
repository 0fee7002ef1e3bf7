import { z } from 'zod';
import { says } from './says.js';
import type { FairnessConfig } from './configuration.js';
import { pointer } from './value.schema.js';

const ATTRIBUTE = /^header:ce_([a-z0-9]{1,64})$/;

const by = z.union([z.enum(['source', 'type', 'entity']), z.string().regex(ATTRIBUTE), pointer], {
  error: says(
    'names nothing that a delivery has',
    'write source, type, entity, a JSON Pointer into the body such as /tenant, or header:ce_<name> for an extension attribute of CloudEvents',
  ),
});

export const fairness = z.strictObject({
  by: by.describe(
    'Whom a delivery counts towards: source, type, entity, a JSON Pointer into the body (/tenant), or header:ce_<name>, an extension attribute of CloudEvents.',
  ),
  groupsMax: z.number().int().min(2).max(10_000).default(64).describe('So many have a turn of their own; all beyond them share one.'),
});

export function resolveFairness({ by, groupsMax }: z.output<typeof fairness>): FairnessConfig {
  return { by: groupedBy(by), groupsMax };
}

function groupedBy(by: string): FairnessConfig['by'] {
  if (by.startsWith('/')) return { kind: 'pointer', pointer: by };
  const attribute = ATTRIBUTE.exec(by);
  return attribute ? { kind: 'attribute', name: attribute[1]! } : { kind: by as 'source' | 'type' | 'entity' };
}
