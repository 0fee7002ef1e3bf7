import { describe, expect, it } from '@jest/globals';
import type { Way } from './decide-routes.js';
import { decideFaults, decideVerdict, wantsNewest, type Seen } from './decide-verdict.js';

const fault = { pointer: '/a', code: 'x', message: 'm' };
const newest: Way = { destination: 'n', ordering: 'latest-wins' };
const newest2: Way = { destination: 'm', ordering: 'latest-wins' };
const plain: Way = { destination: 'p', ordering: 'unordered' };
const strict: Way = { destination: 's', ordering: 'strict' };
const first: Seen = { kind: 'first' };
const duplicate: Seen = { kind: 'duplicate', of: 7 };
const superseded: Seen = { kind: 'superseded', by: 5 };
const accepted = (ways: Way[], by: number | null = null, passedOver: string[] = []) => ({ verdict: 'accepted', ways, by, passedOver });

describe('decideVerdict', () => {
  it.each([
    ['faults, whatever the rest', [fault], null, [plain], { verdict: 'invalid', faults: [fault] }],
    ['a duplicate with ways', [], duplicate, [plain], { verdict: 'duplicate', by: 7 }],
    ['a duplicate without ways', [], duplicate, [], { verdict: 'duplicate', by: 7 }],
    ['a first without ways', [], first, [], { verdict: 'unrouted' }],
    ['a first with ways', [], first, [newest, plain], accepted([newest, plain])],
    ['superseded, all latest-wins', [], superseded, [newest, newest2], { verdict: 'superseded', by: 5 }],
    ['superseded, some latest-wins', [], superseded, [newest, plain, strict], accepted([plain, strict], 5, ['n'])],
    ['superseded, none latest-wins (the configuration changed in between)', [], superseded, [plain], accepted([plain])],
    ['superseded without ways', [], superseded, [], { verdict: 'unrouted' }],
  ])('%s', (_, faults, seen, ways, expected) => expect(decideVerdict(faults, seen, ways)).toEqual(expected));

  it('is our bug when an event without faults was not claimed', () => expect(() => decideVerdict([], null, [plain])).toThrow(RangeError));
});

describe('decideFaults', () => {
  it.each([
    ['nothing wrong', { type: 'a', faults: [] }, []],
    ['the door found something', { type: 'a', faults: [fault] }, ['x']],
    ['no type', { type: '', faults: [] }, ['missing-type']],
    ['no type for a body that cannot be read', { type: '', faults: [fault] }, ['x']],
    ['no type, and the door said so', { type: '', faults: [{ ...fault, code: 'missing-type' }] }, ['missing-type']],
  ])('%s', (_, event, codes) => expect(decideFaults(event).map(({ code }) => code)).toEqual(codes));
});

it('wants the newest revision when one of the ways does', () => {
  expect([wantsNewest([]), wantsNewest([plain, strict]), wantsNewest([plain, newest])]).toEqual([false, false, true]);
});
