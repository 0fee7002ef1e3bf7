import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PartnerAndClient } from './testing/partner-client.js';
import { waitFor } from './wait-for.js';

// Goal: each scripted behaviour does what it says *and* the books say what really took effect.
// Method: a real server and a real client on loopback; after each exchange both the answer and the books are compared.

let both: PartnerAndClient;
const send: PartnerAndClient['send'] = (what) => both.send(what);
const begin: PartnerAndClient['begin'] = (options) => both.begin(options);

beforeEach(async () => {
  both = new PartnerAndClient();
  await both.begin();
});
afterEach(() => both.end());

describe('scripted answers', () => {
  it('fail the first n, then go on', async () => {
    await begin({ rules: [{ first: 2, status: 503, retryAfterS: 7 }] });
    const answers = [await send(), await send(), await send()];
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
    expect(answers[0]!.headers['retry-after']).toBe('7');
    expect(both.partner.stats()).toMatchObject({ stored: 1, refused: 2 });
  });

  it('fail the first n of each key', async () => {
    await begin({ rules: [{ firstPerKey: 1, status: 500 }] });
    const statuses = [];
    for (const event of ['a', 'b', 'a', 'b']) statuses.push((await send({ event })).status);
    expect(statuses).toEqual([500, 500, 200, 200]);
  });

  it('fail a share that the seed decides: the same seed, the same requests', async () => {
    const run = async (seed: number): Promise<string> => {
      await begin({ seed, rules: [{ share: 0.3, status: 500 }] });
      let statuses = '';
      for (let i = 0; i < 60; i++) statuses += (await send()).status === 500 ? 'x' : '.';
      return statuses;
    };
    const one = await run(7);
    expect(await run(7)).toBe(one);
    expect(await run(8)).not.toBe(one);
    const failed = [...one].filter((c) => c === 'x').length;
    expect(failed).toBeGreaterThan(8);
    expect(failed).toBeLessThan(30);
  });

  it('speak of a path and its methods only', async () => {
    await begin({ rules: [{ path: '/bad', methods: ['PUT'], status: 409 }] });
    expect((await send({ path: '/bad/1', method: 'PUT' })).status).toBe(409);
    expect((await send({ path: '/bad/1', method: 'POST' })).status).toBe(200);
    expect((await send({ path: '/good/1', method: 'PUT' })).status).toBe(200);
  });

  it('may stand although the status says no', async () => {
    await begin({ rules: [{ status: 500, commit: true }] });
    expect((await send({ event: 'e-1' })).status).toBe(500);
    expect(both.partner.storedOf('e-1')).toHaveLength(1);
  });

  it('last for a window', async () => {
    await begin({ rules: [{ window: { fromMs: 0, untilMs: 150 }, status: 502 }] });
    expect((await send()).status).toBe(502);
    await waitFor(async () => (await send()).status === 200, { what: 'the end of the window', withinMs: 2_000 });
  });

  it('keep a rate: what exceeds it gets 429 with Retry-After', async () => {
    await begin({ rules: [{ rateLimit: { perSecond: 1, burst: 3 } }] });
    const answers = [await send(), await send(), await send(), await send()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers[3]!.headers['retry-after']).toBe('1');
  });

  it('check the token', async () => {
    await begin({ rules: [{ tokens: ['good'] }, { status: 201 }] });
    expect((await send()).status).toBe(401);
    expect((await send({ headers: { authorization: 'Bearer bad' } })).status).toBe(401);
    expect((await send({ headers: { authorization: 'Bearer good' } })).status).toBe(201);
    expect(both.partner.stats().stored).toBe(1);
  });

  it('refuse a rule that is none, and name the field', async () => {
    expect(() => both.partner.setRules([{ share: 2 }])).toThrow(/share/);
    expect(() => both.partner.setRules([{ statsu: 500 }])).toThrow(/statsu/);
  });
});

describe('slow and broken answers', () => {
  it('wait, and let the effect come after the wait', async () => {
    await begin({ rules: [{ latencyMs: 80 }] });
    const startedMs = performance.now();
    const answer = send();
    await waitFor(() => both.partner.stats().inFlight === 1, { what: 'the request under way' });
    expect(both.partner.stats().stored).toBe(0);
    await answer;
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(78);
    expect(both.partner.stats().stored).toBe(1);
  });

  it('let the effect stand at once when told so, though the sender gives up', async () => {
    await begin({ rules: [{ latencyMs: 5_000, commitFirst: true }] });
    await expect(send({ event: 'e-1', timeoutMs: 50 })).rejects.toThrow();
    expect(both.partner.storedOf('e-1')).toHaveLength(1);
  });

  it.each([
    ['hang-before-commit', 0],
    ['hang-after-commit', 1],
  ] as const)('%s: nothing is answered, %i effect', async (fault, effects) => {
    await begin({ rules: [{ fault }] });
    await expect(send({ timeoutMs: 60 })).rejects.toThrow();
    expect(both.partner.stats().stored).toBe(effects);
    await waitFor(() => both.partner.stats().inFlight === 0, { what: 'the end of the hung request' });
  });

  it.each([
    ['reset-before-commit', 0],
    ['reset-after-commit', 1],
    ['reset-mid-body', 1],
  ] as const)('%s: the connection is reset, %i effect', async (fault, effects) => {
    await begin({ rules: [{ fault, first: 1 }] });
    await expect(send({ key: 'k' })).rejects.toThrow();
    expect(both.partner.stats().stored).toBe(effects);
    // The resend with the same key finds the effect, or makes it: one in the end.
    expect((await send({ key: 'k' })).status).toBe(200);
    expect(both.partner.stats()).toMatchObject({ stored: 1, replayed: effects });
  });

  it('drip', async () => {
    await begin({ rules: [{ drip: { bytes: 10, everyMs: 20 }, status: 200, body: 'x'.repeat(50) }] });
    const startedMs = performance.now();
    const { text } = await send();
    expect(text).toBe('x'.repeat(50));
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(75);
  });

  it('are huge', async () => {
    await begin({ rules: [{ bodyBytes: 3_000_000 }] });
    expect((await send()).text.length).toBe(3_000_000);
  });

  it('are none while the partner is away; its books stay', async () => {
    await send({ event: 'e-1' });
    await both.partner.goAway();
    await expect(send()).rejects.toThrow(/ECONNREFUSED/);
    await both.partner.comeBack();
    expect((await send()).status).toBe(200);
    expect(both.partner.stats().stored).toBe(2);
  });
});
