import { describe, expect, it } from '@jest/globals';
import { decideRoutes, rememberRoutes } from './decide-routes.js';
import { route } from './testing/dedupe.world.js';

const routes = [
  route({ from: ['shop', 'erp'], types: ['order.*'], to: 'portal', ordering: 'latest-wins' }),
  route({ from: ['shop'], types: ['*'], to: 'crm' }),
  route({ from: ['erp'], types: ['order.paid', '*.deleted'], to: 'portal', ordering: 'strict' }),
  route({ from: ['erp'], types: ['order.line.*', 'stock.*.low'], to: 'store', ordering: 'strict' }),
];

describe('decideRoutes', () => {
  it.each([
    ['shop', 'order.updated', ['portal latest-wins', 'crm unordered']],
    ['shop', 'order.line.added', ['portal latest-wins', 'crm unordered']],
    ['shop', 'user.created', ['crm unordered']],
    ['erp', 'order.paid', ['portal latest-wins']],
    ['erp', 'user.deleted', ['portal strict']],
    ['erp', 'order.line.added', ['portal latest-wins', 'store strict']],
    ['erp', 'stock.a.b.low', ['store strict']],
    ['erp', 'stock.low', []],
    ['erp', 'order', []],
    ['other', 'order.updated', []],
  ])('takes %s %s to %j', (source, type, expected) => {
    expect(decideRoutes(routes, { source, type }).map(({ destination, ordering }) => `${destination} ${ordering}`)).toEqual(expected);
  });

  it('remembers, within a bound, and answers the same', () => {
    const waysOf = rememberRoutes(routes, 2);
    for (const type of ['order.a', 'order.b', 'order.c', 'order.a']) {
      expect(waysOf({ source: 'shop', type })).toEqual(decideRoutes(routes, { source: 'shop', type }));
    }
    expect(waysOf({ source: 'shop', type: 'order.a' })).toBe(waysOf({ source: 'shop', type: 'order.a' }));
  });
});
