import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { ConfigFault } from './configuration.js';

export type Place = Readonly<{ file: string; line: number; column: number }>;
export type PathPart = string | number;

/** One YAML file, parsed, with the place of everything in it. Its values may be secrets: no message ever shows one. */
export type YamlSource = Readonly<{ file: string; value: unknown; placeOf(path: readonly PathPart[]): Place }>;

export function readYaml(file: string, text: string): { source: YamlSource | null; faults: ConfigFault[] } {
  const lines = new LineCounter();
  // Without prettyErrors: those quote the line, which may hold a literal secret.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  // What follows a broken place is mostly its echo.
  const faults = document.errors.slice(0, 1).map((error) => ({
    ...at(error.pos[0]),
    path: '',
    problem: `is not YAML: ${unquoted(error.code)}`,
    mend: YAML_MENDS[error.code] ?? 'look at the indentation, colons and quotes of this line',
  }));
  if (faults.length > 0) return { source: null, faults };
  return { source: { file, value: document.toJS() as unknown, placeOf: (path) => at(offsetOf(document, path)) }, faults };
}

const unquoted = (code: string): string => code.toLowerCase().replaceAll('_', ' ');

const YAML_MENDS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands twice in one place; keep one of them',
  TAB_AS_INDENT: 'indent with spaces, not with tabs',
  BAD_INDENT: 'indent the line as its neighbours are',
  MULTIPLE_DOCS: 'keep one document in a file; several files in a folder are merged',
};

/** The offset of the value at a path, of its key where the value is missing or is the key's fault, or of the nearest parent. */
function offsetOf(document: Document.Parsed, path: readonly PathPart[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (!pair) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

const startOf = (node: unknown): number | null => (isNode(node) ? ((node as Node).range?.[0] ?? null) : null);
