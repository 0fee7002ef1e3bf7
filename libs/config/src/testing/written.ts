import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Files in a folder of their own, which is gone after the test: `using folder = written({ 'a.yaml': '…' })`. */
export function written(files: Readonly<Record<string, string>>): { path(name?: string): string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return {
    path: (name) => (name === undefined ? folder : join(folder, name)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
