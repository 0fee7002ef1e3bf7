import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { RegistryError, type SchemaPublisher } from '../index.js';

const record = (name: string, fields: object[]) => JSON.stringify({ type: 'record', name, fields });
const ID = { name: 'id', type: 'string' };
const NOTE = { name: 'note', type: ['null', 'string'], default: null };

/** What every registry adapter promises. Subjects and types are random: a shared registry keeps what others put there. */
export function registryContract(name: string, open: () => SchemaPublisher): void {
  describe(`a registry: ${name}`, () => {
    const registry = open();
    const subject = () => `contract-${randomUUID()}`;
    const typeName = () => `T${randomUUID().replaceAll('-', '')}`;

    it('knows nothing of a subject, schema or id that is not there', async () => {
      expect(await registry.versions(subject())).toEqual([]);
      expect(await registry.idOf(subject(), record(typeName(), [ID]))).toBe(null);
      expect(await registry.schemaById(2_000_000_000)).toBe(null);
      expect(await registry.compatibility(subject())).toBe(null);
    });

    it('gives a schema an id, the same one again, and finds it by both', async () => {
      const [where, schema] = [subject(), record(typeName(), [ID])];
      const id = await registry.register(where, schema);
      expect(await registry.register(where, schema)).toBe(id);
      expect(await registry.idOf(where, schema)).toBe(id);
      expect(JSON.parse((await registry.schemaById(id))!.schema)).toEqual(JSON.parse(schema));
      expect(await registry.schemaById(id)).toMatchObject({ id, type: 'AVRO', references: [] });
    });

    it('keeps versions in their order', async () => {
      const [where, type] = [subject(), typeName()];
      const first = await registry.register(where, record(type, [ID]));
      const second = await registry.register(where, record(type, [ID, NOTE]));
      expect((await registry.versions(where)).map(({ version, id }) => [version, id])).toEqual([
        [1, first],
        [2, second],
      ]);
    });

    it('refuses what breaks a reader of an older version once the subject is BACKWARD_TRANSITIVE', async () => {
      const [where, type] = [subject(), typeName()];
      await registry.register(where, record(type, [ID]));
      await registry.setCompatibility(where, 'BACKWARD_TRANSITIVE');
      expect(await registry.compatibility(where)).toBe('BACKWARD_TRANSITIVE');
      await registry.register(where, record(type, [ID, NOTE]));
      const refused = registry.register(where, record(type, [ID, { name: 'count', type: 'int' }]));
      await expect(refused).rejects.toBeInstanceOf(RegistryError);
      await expect(refused).rejects.toMatchObject({ code: 'incompatible', retryable: false });
      expect(await registry.versions(where)).toHaveLength(2);
    });
  });
}
