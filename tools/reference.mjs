#!/usr/bin/env node
// Writes what is generated from the configuration's schema: schemas/holdfast.config.schema.json (for editors) and the table of keys in
// docs/reference/config.md. Run it after a build when the schema has changed; a unit test says when that was forgotten.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

const root = fileURLToPath(new URL('..', import.meta.url));
const { configJsonSchema, keyTable } = await import(join(root, 'dist/libs/config/src/index.js'));
const style = JSON.parse(readFileSync(join(root, '.prettierrc.json'), 'utf8'));

writeFileSync(
  join(root, 'schemas/holdfast.config.schema.json'),
  await format(JSON.stringify(configJsonSchema()), { ...style, parser: 'json' }),
);

const page = join(root, 'docs/reference/config.md');
const text = readFileSync(page, 'utf8');
const [begin, end] = ['<!-- keys: written by tools/reference.mjs -->', '<!-- end of keys -->'];
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from) throw new Error(`${page} has lost its marks: ${begin} … ${end}`);
const filled = `${text.slice(0, from + begin.length)}\n\n${keyTable()}\n${text.slice(to)}`;
writeFileSync(page, await format(filled, { ...style, parser: 'markdown' }));
