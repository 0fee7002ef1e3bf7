import type { ConfigFault } from './configuration.js';

/** `file:line:column  path problem`, and its mend below: so that an editor's terminal jumps to the place. */
export function formatFault({ file, line, column, path, problem, mend }: ConfigFault, kind: 'fault' | 'warning' = 'fault'): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return `${place}: ${kind === 'warning' ? 'warning: ' : ''}${path ? `${path} ` : ''}${problem}\n    mend: ${mend}`;
}
