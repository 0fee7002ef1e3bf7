import type { ResultFrom, ValueFrom } from './configuration.js';

export function valueFrom(text: string): ValueFrom {
  if (text.startsWith('/')) return { kind: 'pointer', pointer: text };
  const header = /^header:(.+)$/i.exec(text);
  return header ? { kind: 'header', name: header[1]!.toLowerCase() } : { kind: 'literal', value: text };
}

/** The schema lets pointers and headers through, and nothing else. */
export const resultFrom = (text: string): ResultFrom =>
  text.startsWith('/') ? { kind: 'pointer', pointer: text } : { kind: 'header', name: text.slice('header:'.length).toLowerCase() };
