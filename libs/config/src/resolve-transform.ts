import { resolve } from 'node:path';
import type { TransformConfig } from './configuration.js';
import type { WrittenTransform } from './transform.schema.js';
import { durationMs, sizeBytes } from './units.js';

export function resolveTransform(written: WrittenTransform, folder: string): TransformConfig {
  const { types, schemaVersions, jsonata, handler, timeout, inputMax, outputMax } = written;
  const by = (): TransformConfig['by'] => {
    if (jsonata !== undefined) return { kind: 'jsonata', path: resolve(folder, jsonata) };
    return handler === undefined ? { kind: 'pass-through' } : { kind: 'handler', path: resolve(folder, handler) };
  };
  return {
    types: types ?? null,
    schemaVersions: schemaVersions ?? null,
    by: by(),
    timeoutMs: durationMs(timeout),
    inputMaxBytes: sizeBytes(inputMax),
    outputMaxBytes: sizeBytes(outputMax),
  };
}
