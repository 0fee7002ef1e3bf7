import { describe, expect, it } from '@jest/globals';
import { ordered, OrderedWorld, rules } from './testing/ordered.world.js';

// Goal: what an ordered route promises, over the whole of deliver with everything in memory and a clock of its own.
describe('latest-wins', () => {
  it('collapses a backlog to the newest of each entity before the first request', async () => {
    const world = new OrderedWorld(rules());
    for (let n = 0; n < 500; n++) world.append(ordered('latest-wins', `e${n % 5}`, n));
    world.start();
    await world.pass(300);
    expect(world.taken.sort()).toEqual(['e0#495', 'e1#496', 'e2#497', 'e3#498', 'e4#499']);
    const ends = Object.values(world.ends());
    expect(ends).toHaveLength(500);
    expect(ends.filter((end) => end === 'superseded')).toHaveLength(495);
    expect(world.facts().find(({ delivery }) => delivery === 'e0#0')).toMatchObject({
      duplicateof: expect.stringMatching(/^s\.events\/0\/\d+$/),
    });
  });

  it('drops a retry that a newer one has overtaken, and names it', async () => {
    const world = new OrderedWorld(rules());
    world.answers = (id, nth) => (id === 'e#1' && nth === 1 ? 503 : 200);
    world.start();
    world.append(ordered('latest-wins', 'e', 1));
    await world.pass(20);
    world.append(ordered('latest-wins', 'e', 2));
    await world.pass(200);
    expect(world.asked).toEqual(['e#1', 'e#2']);
    expect(world.ends()).toEqual({ 'e#1': 'superseded', 'e#2': 'delivered-once' });
    expect(world.facts().find(({ verdict }) => verdict === 'superseded')).toMatchObject({ delivery: 'e#1', duplicateof: 's.events/0/2' });
  });

  it('lets the older one go out when the newer one failed for certain', async () => {
    const world = new OrderedWorld(rules());
    world.answers = (id, nth) => (id === 'e#2' ? 400 : nth === 1 ? 503 : 200);
    world.start();
    world.append(ordered('latest-wins', 'e', 1));
    await world.pass(20);
    world.append(ordered('latest-wins', 'e', 2));
    await world.pass(200);
    expect(world.asked).toEqual(['e#1', 'e#2', 'e#1']);
    expect(world.ends()).toEqual({ 'e#1': 'delivered-once', 'e#2': 'dead-lettered' });
  });

  it.each([
    ['by a takeover', false],
    ['by a takeover, with Redis wiped', true],
  ])('knows after a crash what was delivered while the older one was away: %s', async (_how, isWiped) => {
    const world = new OrderedWorld(rules());
    world.answers = (id, nth) => (id === 'e#1' && nth === 1 ? 503 : 200);
    const first = world.start();
    world.append(ordered('latest-wins', 'e', 1));
    await world.pass(20);
    world.append(ordered('latest-wins', 'e', 2));
    await world.pass(15);
    expect(world.taken).toEqual(['e#2']);
    first.crash();
    if (isWiped) world.marks.wipe();
    world.start();
    await world.pass(600);
    expect(world.asked.filter((id) => id === 'e#1')).toHaveLength(1);
    expect(world.ends()).toMatchObject({ 'e#1': 'superseded' });
  });

  it('sends the newest of each window where the route coalesces, and never starves', async () => {
    const world = new OrderedWorld(rules({ inboxOf: () => ({ name: 'b', delayMs: 120 }) }));
    world.start();
    for (let n = 1; n <= 40; n++) {
      world.append(ordered('latest-wins', 'e', n));
      await world.pass(20);
    }
    await world.pass(600);
    expect(world.taken.at(-1)).toBe('e#40');
    expect(world.taken.length).toBeGreaterThan(3);
    expect(world.taken.length).toBeLessThan(9);
    const numbers = world.taken.map((id) => Number(id.slice(2)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(Object.values(world.ends()).filter((end) => end === 'superseded')).toHaveLength(40 - world.taken.length);
  });
});

describe('strict', () => {
  const strict = (over = {}) => rules({ hasStrict: true, ...over });

  it('parks an entity behind its failing delivery, in order, and holds no other', async () => {
    const world = new OrderedWorld(strict());
    world.answers = (id, nth) => (id === 'e#1' && nth <= 2 ? 503 : 200);
    world.start();
    world.append(ordered('strict', 'e', 1), ordered('strict', 'f', 2), ordered('strict', 'e', 3));
    await world.pass(30);
    world.append(ordered('strict', 'e', 4), ordered('strict', 'f', 5));
    await world.pass(20);
    expect(world.taken).toEqual(['f#2', 'f#5']);
    expect(world.facts().filter(({ fact, tier }) => fact === 'held' && tier === 'parked').map(({ delivery }) => delivery)).toEqual(['e#1', 'e#3', 'e#4']); // prettier-ignore
    await world.pass(600);
    expect(world.taken).toEqual(['f#2', 'f#5', 'e#1', 'e#3', 'e#4']);
    expect(new Set(Object.values(world.ends()))).toEqual(new Set(['delivered-once']));
    world.append(ordered('strict', 'e', 6));
    await world.pass(50);
    expect(world.taken.at(-1)).toBe('e#6');
  });

  it.each([
    ['a crash', false],
    ['a crash and a wiped Redis', true],
  ])('keeps an entity parked over %s', async (_what, isWiped) => {
    const world = new OrderedWorld(strict());
    world.answers = (id, nth) => (id === 'e#1' && nth <= 1 ? 503 : 200);
    const first = world.start();
    world.append(ordered('strict', 'e', 1), ordered('strict', 'e', 2));
    await world.pass(30);
    first.crash();
    if (isWiped) world.marks.wipe();
    world.append(ordered('strict', 'e', 3));
    world.start();
    await world.pass(600);
    expect(world.taken).toEqual(['e#1', 'e#2', 'e#3']);
    expect(world.parked().length).toBeGreaterThanOrEqual(2);
  });

  it('stops behind a dead letter until an operator says what becomes of it', async () => {
    const world = new OrderedWorld(strict());
    world.answers = (id, nth) => (id === 'e#1' && nth === 1 ? 400 : 200);
    const process = world.start();
    world.append(ordered('strict', 'e', 1), ordered('strict', 'e', 2));
    await world.pass(100);
    expect(world.taken).toEqual([]);
    expect(world.log.records(world.topics.dlq)).toEqual([]);
    expect(await process.resolve('portal', { delivery: 'e#2', as: 'discard', by: 'me', reason: 'r' })).toBe('busy');
    expect(await process.resolve('portal', { delivery: 'x', as: 'discard', by: 'me', reason: 'r' })).toBe('not-here');
    expect(await process.resolve('portal', { delivery: 'e#1', as: 'resend', by: 'me', reason: 'mended' })).toBe('resolved');
    await world.pass(100);
    expect(world.taken).toEqual(['e#1', 'e#2']);
    expect(world.facts().find(({ fact }) => fact === 'requeued')).toMatchObject({ by: 'me', reason: 'mended', delivery: 'e#1' });
  });

  it.each([
    ['discard', { fact: 'discarded', by: 'me', reason: 'gone' }],
    ['delivered', { fact: 'settled', verdict: 'delivered-once-by-proof', by: 'me' }],
  ] as const)('is released by an operator who says %s', async (as, fact) => {
    const world = new OrderedWorld(strict());
    world.answers = (id) => (id === 'e#1' ? 400 : 200);
    const process = world.start();
    world.append(ordered('strict', 'e', 1), ordered('strict', 'e', 2));
    await world.pass(100);
    expect(await process.resolve('portal', { delivery: 'e#1', as, by: 'me', reason: 'gone' })).toBe('resolved');
    await world.pass(100);
    expect(world.taken).toEqual(['e#2']);
    expect(world.facts()).toContainEqual(expect.objectContaining({ delivery: 'e#1', ...fact }));
  });

  it('goes on behind a dead letter where the route says so', async () => {
    const world = new OrderedWorld(strict({ continuesAfter: () => true }));
    world.answers = (id) => (id === 'e#1' ? 400 : 200);
    world.start();
    world.append(ordered('strict', 'e', 1), ordered('strict', 'e', 2));
    await world.pass(100);
    expect(world.taken).toEqual(['e#2']);
    expect(world.ends()).toEqual({ 'e#1': 'dead-lettered', 'e#2': 'delivered-once' });
  });

  it('writes a long parked entity anew before its distance outgrows the window', async () => {
    const world = new OrderedWorld(strict(), {}, { windowMaxOffsets: 60 });
    world.answers = (id, nth) => (id.startsWith('stuck') ? 400 : nth === 1 ? 503 : 200);
    world.start();
    world.append(ordered('strict', 'stuck', 1), ordered('strict', 'stuck', 2));
    for (let n = 3; n < 60; n++) {
      world.append(ordered('strict', `e${n}`, n));
      await world.pass(10);
    }
    await world.pass(800);
    expect(world.taken).toHaveLength(57);
    expect(world.parked().filter(({ id }) => id === 'stuck#1').length).toBeGreaterThan(1);
  });

  it('writes nothing anew, again and again, where too much is parked for that to help', async () => {
    const world = new OrderedWorld(strict(), {}, { windowMaxOffsets: 60 });
    world.answers = () => 400;
    world.start();
    for (let n = 1; n <= 50; n++) world.append(ordered('strict', 'stuck', n));
    await world.pass(300);
    const before = world.parked().length;
    await world.pass(2_000);
    expect(world.parked().length - before).toBeLessThan(10);
  });
});
