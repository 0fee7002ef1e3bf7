/** What a word between braces stands for; undefined: nothing. */
export type WordValue = (word: string) => unknown;

export class Unfillable extends Error {}

const WHOLE = /^\{([^{}]*)\}$/;

/** JSON with placeholders in its texts. A text that is one placeholder becomes its value, whatever it is. Errors: Unfillable. */
export function fillTemplate(template: unknown, valueOf: WordValue): unknown {
  if (typeof template === 'string') return fillText(template, valueOf);
  if (Array.isArray(template)) return template.map((item) => fillTemplate(item, valueOf));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, fillTemplate(item, valueOf)]));
}

function fillText(text: string, valueOf: WordValue): unknown {
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) return valueAt(whole, valueOf);
  return text.replace(/\{([^{}]*)\}/g, (_, word: string) => {
    const value = valueAt(word, valueOf);
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}

function valueAt(word: string, valueOf: WordValue): unknown {
  const value = valueOf(word);
  if (value === undefined) throw new Unfillable(`{${word}} names nothing here`);
  return value;
}
