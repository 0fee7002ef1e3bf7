import { describe, expect, it } from '@jest/globals';
import { decideTransform, type ShapingRoute, type TransformRule } from './decide-transform.js';
import { isVersionRange, versionMatcher } from './schema-versions.js';

const script = (path: string) => ({ path, language: { kind: 'handler' as const }, timeoutMs: 1, inputMaxBytes: 1, outputMaxBytes: 1 });
const rule = (path: string | null, versions: string | null = null, type: string | null = null): TransformRule => ({
  fitsType: (one) => type === null || one === type,
  fitsVersion: versionMatcher(versions),
  run: path === null ? null : script(path),
});
const route = (source: string, type: string, transforms: readonly TransformRule[]): ShapingRoute => ({
  from: new Set([source]),
  matches: (one) => type === '*' || one === type,
  transforms,
});
const routes = [
  route('shop', 'order', [rule('old', '1'), rule('new', '>=2')]),
  route('shop', '*', [rule('paid', null, 'paid'), rule(null, '>=9'), rule('rest')]),
  route('erp', '*', []),
  route('shop', 'order', [rule('never')]),
];

describe('decideTransform', () => {
  it.each([
    ['shop', 'order', '1', 'old'],
    ['shop', 'order', '1.4.2', 'old'],
    ['shop', 'order', '2', 'new'],
    ['shop', 'order', 'v10', 'new'],
    ['shop', 'order', null, 'schema-unsupported'],
    ['shop', 'order', '0.9', 'schema-unsupported'],
    ['shop', 'order', 'two', 'schema-unsupported'],
    ['shop', 'paid', null, 'paid'],
    ['shop', 'paid', '9', 'paid'],
    ['shop', 'else', '9', 'as-it-came'],
    ['shop', 'else', null, 'rest'],
    ['erp', 'order', '2', 'as-it-came'],
    ['gone', 'order', '2', 'route-gone'],
  ])('%s %s of version %s: %s', (source, type, schemaversion, expected) => {
    const choice = decideTransform(routes, { source, type, schemaversion });
    expect(choice.kind === 'transform' ? choice.script.path : choice.kind === 'refused' ? choice.code : choice.kind).toBe(expected);
  });

  it('knows what a range is', () => {
    expect(['1', '>=2', '1.x || 3', '<2.5.0', '*'].map(isVersionRange)).toEqual([true, true, true, true, true]);
    expect(['two', '=>2', '1..2', '>'].map(isVersionRange)).toEqual([false, false, false, false]);
  });
});
