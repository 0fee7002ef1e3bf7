import { describe, expect, it } from '@jest/globals';
import { RegistryError } from '#libs/contracts/src/index.js';
import { StoreUnavailableError } from '#libs/identity/src/index.js';
import { LogError, OwnershipError } from '#libs/kafka/src/index.js';
import { decideRecovery } from './decide-recovery.js';

describe('decideRecovery', () => {
  it.each([
    [new LogError('fenced', ''), { kind: 'leave' }],
    [new LogError('unknown-end', ''), { kind: 'reacquire', afterMs: 50 }],
    [new LogError('unavailable', ''), { kind: 'reacquire', afterMs: 50 }],
    [new LogError('out-of-range', ''), { kind: 'reacquire', afterMs: 50 }],
    [new OwnershipError('offset-missing', ''), { kind: 'reacquire', afterMs: 50 }],
    [new StoreUnavailableError('timeout', ''), { kind: 'retry', afterMs: 50 }],
    [new RegistryError('unreachable', ''), { kind: 'retry', afterMs: 50 }],
    [new RangeError('a bug'), { kind: 'throw' }],
    [new DOMException('', 'AbortError'), { kind: 'throw' }],
  ])('%s', (error, expected) => expect(decideRecovery(error, 0)).toEqual(expected));

  it.each([
    [new LogError('unavailable', ''), [50, 100, 200, 1_600, 3_200, 5_000, 5_000]],
    [new StoreUnavailableError('not-connected', ''), [50, 100, 200, 1_000, 1_000, 1_000, 1_000]],
  ])('waits longer each time, up to a bound: %s', (error, expected) => {
    const waits = [0, 1, 2, 5, 6, 7, 1_000].map((failures) => decideRecovery(error, failures));
    expect(waits.map((step) => ('afterMs' in step ? step.afterMs : null))).toEqual(expected);
  });
});
