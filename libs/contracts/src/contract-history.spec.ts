// Goal: a change that breaks a reader of any record that may be retained is refused; the committed history is complete and readable.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkContract, CONTRACT_KINDS, currentSchema, MemoryRegistry, registerContract, RegistryError } from './index.js';

type Field = { name: string; type: unknown; default?: unknown };
const event = (...fields: Field[]) => JSON.stringify({ type: 'record', name: 'holdfast.Event', fields });
const ID: Field = { name: 'id', type: 'string' };

/** A schemas/ folder with a current Event and its history. */
function schemas(current: string, history: readonly string[]): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-schemas-'));
  writeFileSync(join(path, 'holdfast.Event.avsc'), current);
  mkdirSync(join(path, 'history/holdfast.Event'), { recursive: true });
  history.forEach((schema, n) => writeFileSync(join(path, 'history/holdfast.Event', `${n + 1}.avsc`), schema));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

const checked = async (current: string, history: readonly string[], registry: MemoryRegistry | null = null) => {
  using folder = schemas(current, history);
  return checkContract('Event', registry, folder.path);
};

describe('the committed schemas', () => {
  it.each(CONTRACT_KINDS)('%s reads its whole history, and is the newest of it', async (kind) => {
    expect(await checkContract(kind, null)).toMatchObject({ faults: [], isUnrecorded: false, registered: null });
  });

  it('a Delivery carries the same Event as hf.events', () => {
    const fields = (JSON.parse(currentSchema('Delivery')) as { fields: Field[] }).fields;
    expect(fields.find(({ name }) => name === 'event')!.type).toEqual(JSON.parse(currentSchema('Event')));
  });
});

describe('a change', () => {
  it('that adds an optional field is good, and waits to be recorded', async () => {
    const next = event(ID, { name: 'tenant', type: ['null', 'string'], default: null });
    expect(await checked(next, [event(ID)])).toMatchObject({ faults: [], history: 1, isUnrecorded: true });
    expect(await checked(next, [event(ID), next])).toMatchObject({ faults: [], history: 2, isUnrecorded: false });
  });

  it.each([
    ['a field without a default', event(ID, { name: 'tenant', type: 'string' })],
    ['another type', event({ name: 'id', type: 'int' })],
    ['another name', event({ name: 'key', type: 'string' })],
  ])('that breaks a reader is a fault that names the version: %s', async (_, next) => {
    const { faults } = await checked(next, [event(ID)]);
    expect(faults).toEqual([expect.stringContaining('schemas/history/holdfast.Event/1.avsc')]);
  });

  it('is held against every version, not only the last', async () => {
    const tenant: Field = { name: 'tenant', type: 'string' };
    const { faults } = await checked(event(ID, tenant), [event(ID), event(ID, { ...tenant, default: '' })]);
    expect(faults).toEqual([expect.stringContaining('/1.avsc')]);
  });

  it('is held against what a registry has, too', async () => {
    const registry = new MemoryRegistry();
    await registry.register('holdfast.Event', event(ID, { name: 'old', type: 'int' }));
    const fine = await checked(event(ID), [event(ID)], registry);
    expect(fine).toMatchObject({ faults: [], registered: 1 });
    await registry.register('holdfast.Event', event({ name: 'id', type: 'int' }));
    expect((await checked(event(ID), [event(ID)], registry)).faults).toEqual([expect.stringContaining("the registry's version 2")]);
  });
});

describe('registering', () => {
  it('is idempotent, guards the subject, and is refused where the registry has what it would break', async () => {
    const registry = new MemoryRegistry();
    using good = schemas(event(ID), []);
    const first = await registerContract('Event', registry, good.path);
    expect([first.isNew, await registerContract('Event', registry, good.path)]).toEqual([true, { ...first, isNew: false }]);
    expect(await registry.compatibility('holdfast.Event')).toBe('BACKWARD_TRANSITIVE');
    using bad = schemas(event({ name: 'id', type: 'int' }), []);
    await expect(registerContract('Event', registry, bad.path)).rejects.toBeInstanceOf(RegistryError);
  });

  it('guards a subject that stood unguarded before anything new is put there', async () => {
    const registry = new MemoryRegistry();
    await registry.register('holdfast.Event', event(ID));
    using bad = schemas(event({ name: 'id', type: 'int' }), []);
    await expect(registerContract('Event', registry, bad.path)).rejects.toMatchObject({ code: 'incompatible' });
  });
});
