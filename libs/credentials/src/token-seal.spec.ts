import { describe, expect, it } from '@jest/globals';
import { Secret } from '#libs/config/src/index.js';
import { tokenSeal } from './token-seal.js';

const sealWith = (...keys: string[]) => {
  const secrets = keys.map((key) => new Secret(key.padEnd(32, key)));
  return tokenSeal(() => secrets);
};

describe('tokenSeal', () => {
  it('opens what it sealed, and never seals the same way twice', () => {
    const { seal, open } = sealWith('a');
    const [one, two] = [seal('p', 'planted ü'), seal('p', 'planted ü')];
    expect(one).not.toBe(two);
    expect(Buffer.from(one, 'base64').toString('latin1')).not.toContain('planted');
    expect([open('p', one), open('p', two)]).toEqual(['planted ü', 'planted ü']);
  });
  it('opens nothing at another place, under another key, or that was touched', () => {
    const { seal, open } = sealWith('a');
    const sealed = seal('p', 'x');
    const touched = Buffer.from(sealed, 'base64');
    touched[touched.length - 1]! ^= 1;
    expect([open('q', sealed), sealWith('b').open('p', sealed), open('p', touched.toString('base64')), open('p', '')]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
  it('seals with the first key and opens with all, so that a key can be rotated', () => {
    const old = sealWith('a').seal('p', 'x');
    const both = sealWith('b', 'a');
    expect(both.open('p', old)).toBe('x');
    expect(sealWith('b').open('p', both.seal('p', 'y'))).toBe('y');
  });
  it('refuses a short key', () => {
    expect(() => tokenSeal(() => [new Secret('short')])).toThrow(RangeError);
  });
});
