import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

// Goal: docs/reference/errors.md and the code know the same codes, both ways.
// Method: the sources are read as text. An error is a class `…Error` with a `code`; an answer is a type `…Code` that no such class carries.
const LITERALS = /'([^']+)'/g;
const literals = (text: string): string[] => [...text.matchAll(LITERALS)].map(([, word]) => word!).sort();

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/testing/') && !path.startsWith('libs/testkit/'));
}

function codesInCode(): Record<string, string[]> {
  const texts = [...sources('libs'), ...sources('apps')].map((path) => readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''));
  const types = new Map(
    texts.flatMap((text) => [...text.matchAll(/export type (\w+Code) =([^;]+);/g)].map(([, name, body]) => [name!, body!] as const)),
  );
  const found: Record<string, string[]> = {};
  const carried = new Set<string>();
  for (const text of texts) {
    for (const [, name, body] of text.matchAll(/export class (\w+Error) extends Error \{([\s\S]*?)\n\}/g)) {
      const code = /readonly code(?:: ([^,;=]+)| = ([^;]+))/.exec(body!);
      if (!code) continue;
      const told = (code[1] ?? code[2])!.trim();
      carried.add(told);
      found[name!] = literals(types.get(told) ?? told);
    }
  }
  for (const [name, body] of types) if (!carried.has(name)) found[name] = literals(body);
  return found;
}

function codesInPage(): Record<string, string[]> {
  const [, ...sections] = readFileSync('docs/reference/errors.md', 'utf8').split(/^## /m);
  return Object.fromEntries(
    sections.map((section) => [/^\w+/.exec(section)![0], [...section.matchAll(/^\| +`([^`]+)` +\|/gm)].map(([, code]) => code!).sort()]),
  );
}

describe('docs/reference/errors.md', () => {
  it('names every closed code of the code, and no other', () => {
    expect(codesInPage()).toEqual(codesInCode());
  });
});
