import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideBodyKind, JSON_DEPTH_MAX, readBody, readJson, renderJson } from './decide-body.js';

describe('decideBodyKind', () => {
  const rows: [contentType: string | undefined, listed: string[] | null, kind: string | null][] = [
    [undefined, null, 'json'],
    ['', null, 'json'],
    ['application/json', null, 'json'],
    ['Application/JSON; charset=utf-8', null, 'json'],
    ['application/cloudevents+json', null, 'json'],
    ['application/vnd.api+json;v=1', null, 'json'],
    ['application/x-www-form-urlencoded', null, 'form'],
    ['text/plain', null, 'text'],
    ['text/xml; charset=utf-8', null, 'text'],
    ['application/xml', null, null],
    ['multipart/form-data; boundary=x', null, null],
    ['application/octet-stream', null, null],
    ['text/', null, null],
    ['nonsense', null, null],
    ['application/xml', ['application/xml'], 'opaque'],
    ['application/json', ['application/xml'], null],
    [undefined, ['application/json'], 'json'],
  ];
  for (const [contentType, listed, kind] of rows) {
    it(`${contentType ?? 'absent'} with ${listed?.join() ?? 'the default'} is ${kind ?? 'refused'}`, () => {
      expect(decideBodyKind(contentType, listed)).toBe(kind);
    });
  }
});

describe('readBody', () => {
  const faultOf = (bytes: Buffer | string) => readJson(Buffer.from(bytes as string)).fault?.code ?? null;

  it('reads JSON, with a byte order mark as well', () => {
    expect(readJson(Buffer.from('\ufeff{"a":[1,"x",null]}')).value).toEqual({ a: [1, 'x', null] });
  });

  it('says what is wrong with a body that is not JSON', () => {
    expect(faultOf('')).toBe('malformed-json');
    expect(faultOf('{"a":')).toBe('malformed-json');
    expect(faultOf('{"a":1}}')).toBe('malformed-json');
    expect(faultOf(Buffer.from([0x22, 0xff, 0x22]))).toBe('not-utf8');
    expect(faultOf('['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX))).toBe(null);
    expect(faultOf('['.repeat(JSON_DEPTH_MAX + 1) + ']'.repeat(JSON_DEPTH_MAX + 1))).toBe('too-deep');
    expect(faultOf('['.repeat(1_000_000))).toBe('too-deep');
    expect(faultOf(`"${'['.repeat(1_000)}\\"${'['.repeat(1_000)}"`)).toBe(null);
  });

  it("does not repeat the body's words in the message", () => {
    expect(readJson(Buffer.from('{"password": hunter2}')).fault!.message).not.toContain('hunter2');
  });

  it('keeps integers that a double cannot hold', () => {
    const text = '{"id":9007199254740993,"n":-12345678901234567890,"f":0.1000000000000000055,"s":"9007199254740993"}';
    const { value } = readJson(Buffer.from(text));
    expect(value).toEqual({ id: 9007199254740993n, n: -12345678901234567890n, f: 0.1, s: '9007199254740993' });
    expect(renderJson(value)).toBe('{"id":9007199254740993,"n":-12345678901234567890,"f":0.1,"s":"9007199254740993"}');
    expect(readJson(Buffer.from('9'.repeat(200))).value).toBe('9'.repeat(200));
  });

  it('reads a form, repeated fields as lists, and no prototype', () => {
    const { value, fault } = readBody('form', Buffer.from('a=1&b=x+y&a=2&__proto__=z&c=%'));
    expect(fault).toBe(null);
    expect(JSON.stringify(value)).toBe('{"a":["1","2"],"b":"x y","__proto__":"z","c":"%"}');
    expect(({} as Record<string, unknown>)['z']).toBe(undefined);
  });

  it('takes text as one value, and looks at nothing else', () => {
    expect(readBody('text', Buffer.from('hé')).value).toBe('hé');
    expect(readBody('opaque', Buffer.from('<a/>')).value).toBe(undefined);
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('json', 'form', 'text', 'opaque'), (bytes, kind) => {
        const { value, fault } = readBody(kind, Buffer.from(bytes));
        expect(fault === null || value === undefined).toBe(true);
      }),
    );
  });

  it('reads any JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const { value, fault } = readJson(Buffer.from(text));
        expect(fault).toBe(null);
        expect(JSON.parse(renderJson(value))).toEqual(JSON.parse(text));
      }),
    );
  });
});
