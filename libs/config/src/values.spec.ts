// Goal: the small pure parts. Method: tables, and fast-check where a simple model says what must come out.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { durationMs, outboundGuard, sizeBytes, typeMatcher, urlFiller, urlTemplate } from './index.js';
import { isAllowEntry } from './outbound.js';
import { nearest } from './says.js';

describe('units', () => {
  it('durations are milliseconds, sizes are bytes', () => {
    expect(['0ms', '500ms', '30s', '2m', '4h', '7d'].map(durationMs)).toEqual([0, 500, 30_000, 120_000, 14_400_000, 604_800_000]);
    expect(['7B', '1KiB', '1MiB', '2GiB'].map(sizeBytes)).toEqual([7, 1024, 1_048_576, 2_147_483_648]);
    expect(() => durationMs('30')).toThrow(RangeError);
    expect(() => sizeBytes('1MB')).toThrow(RangeError);
  });
});

describe('patterns of event types', () => {
  it('* matches any run of characters, dots included', () => {
    const rows: [string, string, boolean][] = [
      ['order.*', 'order.updated', true],
      ['order.*', 'order.item.added', true],
      ['order.*', 'order', false],
      ['*', '', true],
      ['order.updated', 'order.updated', true],
      ['order.updated', 'order-updated', false],
      ['*.updated', 'order.updated', true],
      ['a*a', 'a', false],
      ['a*b*c', 'a-b-c', true],
      ['a*b*c', 'acb', false],
      ['**', 'x', true],
    ];
    for (const [pattern, type, is] of rows) expect([pattern, type, typeMatcher([pattern])(type)]).toEqual([pattern, type, is]);
    expect(typeMatcher(['a', 'b.*'])('b.c')).toBe(true);
  });

  it('says what the regular expression says', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (pattern, type) => {
        const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^]*')}$`);
        expect(typeMatcher([pattern])(type)).toBe(expression.test(type));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is not made slow by what a sender chooses', () => {
    const startedMs = performance.now();
    typeMatcher(['*a*a*a*a*a*a*a*b'])('a'.repeat(100_000));
    expect(performance.now() - startedMs).toBeLessThan(200);
  });
});

describe('URLs with placeholders', () => {
  const fill = (text: string, entity: string | null) => urlFiller(urlTemplate(text))({ entity, type: 'a.b' });

  it('fills values in percent-encoded, so that none reaches beyond its place', () => {
    expect(fill('https://h/o/{entity}?t={type}', 'a/b?c#d e%')).toBe('https://h/o/a%2Fb%3Fc%23d%20e%25?t=a.b');
    expect(fill('https://h/{entity}.{type}', 'ü')).toBe('https://h/%C3%BC.a.b');
    expect(fill('https://h/x', 'y')).toBe('https://h/x');
    expect(fill('https://h/{entity}', '\ud800')).toBe('https://h/%EF%BF%BD');
  });

  it('has no answer where a part of the path would name another resource', () => {
    for (const entity of ['', '.', '..', null]) expect(fill('https://h/orders/{entity}', entity)).toBe(null);
    expect(fill('https://h/{entity}{entity}', '.')).toBe(null);
    expect(fill('https://h/orders?e={entity}', null)).toBe('https://h/orders?e=');
    expect(fill('https://h/a{entity}', '..')).toBe('https://h/a..');
  });

  it('whatever the value, host, and the rest of the path stay', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (entity) => {
        const filled = fill('https://h/a/{entity}/z', entity);
        if (filled !== null)
          expect(new URL(filled)).toMatchObject({ host: 'h', search: '', hash: '', pathname: expect.stringMatching(/^\/a\/[^/]+\/z$/) });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('whom a destination may call', () => {
  it('outside dev: what is public, and what is allowed', () => {
    const guard = outboundGuard({ dev: false, allow: ['10.20.0.0/16', '192.168.1.7', 'partner.internal', 'fd00::/8'] });
    for (const host of ['partner.example', '93.184.216.34', '10.20.255.1', '192.168.1.7', 'PARTNER.internal', '[2001:db8::1]', '[fd00::5]'])
      expect([host, guard.allowsHost(host)]).toEqual([host, true]);
    for (const host of [
      'localhost',
      'a.localhost',
      'localhost.',
      '127.0.0.1',
      '10.21.0.1',
      '192.168.1.8',
      '172.16.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '100.64.0.1',
      '[::1]',
      '[fe80::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
    ]) {
      expect([host, guard.allowsHost(host)]).toEqual([host, false]);
    }
    expect(guard.allowsAddress('127.0.0.1')).toBe(false);
  });

  it('outside dev: however a private address is written', () => {
    const guard = outboundGuard({ dev: false, allow: [] });
    const asUrl = [
      'http://2130706433/', // 127.0.0.1 as one number
      'http://0x7f000001/',
      'http://0x7f.1/',
      'http://0177.0.0.1/',
      'http://017700000001/',
      'http://127.1/',
      'http://127.000.000.001/',
      'http://0/',
      'http://0.0.0.0/',
      'http://2852039166/', // 169.254.169.254, the metadata of clouds
      'http://0xa9.0xfe.0xa9.0xfe/',
      'http://①②⑦.⓪.⓪.①/',
      'http://127.0.0.1./',
      'http://LOCALHOST/',
      'http://[::]/',
      'http://[::1]/',
      'http://[0:0:0:0:0:0:0:1]/',
      'http://[::ffff:127.0.0.1]/',
      'http://[0:0:0:0:0:ffff:7f00:1]/',
      'http://[::127.0.0.1]/',
      'http://[::ffff:0:10.0.0.1]/',
      'http://[64:ff9b::169.254.169.254]/', // NAT64
      'http://[64:ff9b::a9fe:a9fe]/',
      'http://[64:ff9b:1::1]/',
      'http://[2002:7f00:1::]/', // 6to4
      'http://[2002:a9fe:a9fe::1]/',
      'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/', // Teredo
      'http://[2600::5efe:10.0.0.1]/', // ISATAP
      'http://[2600::200:5efe:7f00:1]/',
      'http://[fd00::5efe:8.8.8.8]/',
      'http://[fe80::1]/',
      'http://[fec0::1]/',
      'http://[fd12:3456::1]/',
      'http://[ff02::1]/',
    ];
    expect(asUrl.filter((url) => guard.allowsHost(new URL(url).hostname))).toEqual([]);
    const asAddress = ['::ffff:127.0.0.1', '0:0:0:0:0:FFFF:127.0.0.1', 'fe80::1%eth0', '::1%lo', '64:FF9B::7F00:0001', 'nonsense', ''];
    expect(asAddress.filter((address) => guard.allowsAddress(address))).toEqual([]);
    const open = ['8.8.8.8', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2002:808:808::1', '2606:4700::1111', '2600::5efe:8.8.8.8'];
    expect(open.filter((address) => !guard.allowsAddress(address))).toEqual([]);
    // What is allowed as IPv4 is allowed in its IPv6 clothes.
    const allowed = outboundGuard({ dev: false, allow: ['10.20.0.0/16'] });
    expect(['10.20.0.1', '::ffff:10.20.0.1', '64:ff9b::10.20.0.1', '::ffff:10.21.0.1'].map((one) => allowed.allowsAddress(one))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('in dev: anything', () => {
    expect(outboundGuard({ dev: true, allow: [] }).allowsHost('127.0.0.1')).toBe(true);
  });

  it('an entry is a network, an address or a host name', () => {
    for (const entry of ['10.0.0.0/8', '10.0.0.1', 'fd00::/8', 'partner.internal', 'localhost'])
      expect([entry, isAllowEntry(entry)]).toEqual([entry, true]);
    for (const entry of ['10.0.0.0/33', '10.0.0.0/8/8', 'https://x', 'a b', '*', '-a'])
      expect([entry, isAllowEntry(entry)]).toEqual([entry, false]);
  });
});

describe('did you mean', () => {
  it('finds the word that is near, and none that is far', () => {
    const known = ['timeout', 'method', 'url', 'headers'];
    expect([
      nearest('timout', known),
      nearest('Timeout', known),
      nearest('metod', known),
      nearest('urls', known),
      nearest('x', known),
      nearest('zzzzzz', known),
    ]).toEqual(['timeout', 'timeout', 'method', 'url', null, null]);
  });
});
