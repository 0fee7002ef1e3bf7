import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Secret, type SecretRef, type VerifyConfig } from '#libs/config/src/index.js';
import { signatureVerifier } from './signature.js';

// Goal: what a provider signs passes; tampered, stale, early, misplaced or borrowed signatures do not.
// Method: each scheme's good request comes from its provider's own library, or from its published example; then one thing is changed.
const refs: SecretRef[] = [{ kind: 'env', name: 'ANY' }];
type Timed = 'stripe' | 'slack' | 'standard-webhooks';
type Headers = Record<string, string>;

function takes(
  scheme: Timed,
  request: Readonly<{ secrets: string[]; headers: Headers; body: string; nowMs: number; toleranceMs?: number }>,
) {
  const config: VerifyConfig = { scheme, secrets: refs, toleranceMs: request.toleranceMs ?? 300_000 };
  const store = { get: () => request.secrets.map((text) => new Secret(text)) };
  return signatureVerifier(config, store, () => request.nowMs).verify((name) => request.headers[name], Buffer.from(request.body));
}

const BODY = '{"id":"evt_1","amount":12345678901234567890}';
const AT_S = 1_700_000_000;
const AT_MS = AT_S * 1_000;

const stripeHeader = (secret: string, timestamp = AT_S, payload = BODY): string =>
  new Stripe('sk_test_x').webhooks.generateTestHeaderString({ payload, secret, timestamp });

const standard = (secret: string, id = 'msg_1', atS = AT_S, body = BODY): Headers => ({
  'webhook-id': id,
  'webhook-timestamp': String(atS),
  'webhook-signature': new Webhook(secret).sign(id, new Date(atS * 1_000), body),
});

const slackSigned = (secret: string, atS: number, body: string): Headers => ({
  'x-slack-request-timestamp': String(atS),
  'x-slack-signature': `v0=${createHmac('sha256', secret).update(`v0:${atS}:${body}`).digest('hex')}`,
});

const WHSEC = `whsec_${Buffer.from('a secret of the sender').toString('base64')}`;
const OTHER = `whsec_${Buffer.from('another one').toString('base64')}`;
const SIGNED: Readonly<Record<Timed, Readonly<{ secret: string; other: string; headers: Headers }>>> = {
  stripe: { secret: 'whsec_abc', other: 'whsec_abd', headers: { 'stripe-signature': stripeHeader('whsec_abc') } },
  slack: { secret: '8f742231', other: '8f742232', headers: slackSigned('8f742231', AT_S, BODY) },
  'standard-webhooks': { secret: WHSEC, other: OTHER, headers: standard(WHSEC) },
};

for (const scheme of ['stripe', 'slack', 'standard-webhooks'] as const) {
  const { secret, other, headers } = SIGNED[scheme];
  const good = { secrets: [secret], headers, body: BODY, nowMs: AT_MS };
  const rows: [name: string, change: Partial<Parameters<typeof takes>[1]>, fits: boolean][] = [
    ['takes what its sender signs', {}, true],
    ['takes it at the edge of the tolerance', { nowMs: AT_MS + 300_000 }, true],
    ['refuses it behind the tolerance: a replay', { nowMs: AT_MS + 300_001 }, false],
    ['refuses a time ahead of the tolerance', { nowMs: AT_MS - 300_001 }, false],
    ['obeys another tolerance', { nowMs: AT_MS + 2_000, toleranceMs: 1_000 }, false],
    ['takes the old secret beside the new one', { secrets: [other, secret] }, true],
    ['takes the new secret beside the old one', { secrets: [secret, other] }, true],
    ['refuses another secret', { secrets: [other] }, false],
    ['refuses everything without a secret', { secrets: [] }, false],
    ['refuses another body', { body: `${BODY} ` }, false],
    ['refuses an empty body under the signature of another', { body: '' }, false],
    ['refuses a request without headers', { headers: {} }, false],
  ];
  describe(`the ${scheme} scheme`, () => {
    for (const [name, change, fits] of rows) {
      it(name, () => {
        expect(takes(scheme, { ...good, ...change })).toBe(fits);
      });
    }
    for (const missing of Object.keys(headers)) {
      it(`refuses a request without ${missing}`, () => {
        const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== missing));
        expect(takes(scheme, { ...good, headers: rest })).toBe(false);
      });
      it(`refuses ${missing} with thousands of characters`, () => {
        expect(takes(scheme, { ...good, headers: { ...headers, [missing]: `${headers[missing]}${','.repeat(5_000)}` } })).toBe(false);
      });
    }
  });
}

describe("stripe's header", () => {
  const secrets = ['whsec_abc'];
  const signature = /v1=([0-9a-f]+)/.exec(stripeHeader('whsec_abc'))![1]!;
  const rows: [name: string, header: string, fits: boolean][] = [
    ['several v1, one of them ours, as in a rotation', `t=${AT_S},v1=${'0'.repeat(64)},v1=${signature}`, true],
    ['a v0 beside the v1', `t=${AT_S},v0=${'0'.repeat(64)},v1=${signature}`, true],
    ['blanks behind the commas', `t=${AT_S}, v1=${signature}`, true],
    ['a v0 alone: an older scheme', `t=${AT_S},v0=${signature}`, false],
    ['another time than the signed one', `t=${AT_S + 1},v1=${signature}`, false],
    ['two times, of which one is right', `t=${AT_S},t=${AT_S + 1},v1=${signature}`, false],
    ['no time', `v1=${signature}`, false],
    ['a time that is not a number', `t=now,v1=${signature}`, false],
    ['a negative time', `t=-${AT_S},v1=${signature}`, false],
    ['ours only as the ninth of nine', `t=${AT_S},${`v1=${'0'.repeat(64)},`.repeat(8)}v1=${signature}`, false],
  ];
  for (const [name, header, fits] of rows) {
    it(`${fits ? 'takes' : 'refuses'} ${name}`, () => {
      expect(takes('stripe', { secrets, headers: { 'stripe-signature': header }, body: BODY, nowMs: AT_MS })).toBe(fits);
    });
  }
});

it("slack: takes Slack's published example", () => {
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA' +
    '&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554' +
    '%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const headers = {
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };
  const secrets = ['8f742231b10e8888abcd99yyyzzz85a5'];
  expect(takes('slack', { secrets, headers, body, nowMs: 1_531_420_618_000 })).toBe(true);
  const v1 = { ...headers, 'x-slack-signature': headers['x-slack-signature'].replace('v0', 'v1') };
  expect(takes('slack', { secrets, headers: v1, body, nowMs: 1_531_420_618_000 })).toBe(false);
});

describe('standard webhooks', () => {
  const good = { secrets: [WHSEC], headers: standard(WHSEC), body: BODY, nowMs: AT_MS };
  const withHeaders = (change: Headers) => takes('standard-webhooks', { ...good, headers: { ...good.headers, ...change } });

  it('takes the published example', () => {
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const body = '{"test": 2432232314}';
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
    expect(takes('standard-webhooks', { secrets, headers, body, nowMs: 1_614_265_330_000 })).toBe(true);
    expect(takes('standard-webhooks', { secrets, headers, body: `${body}\n`, nowMs: 1_614_265_330_000 })).toBe(false);
  });

  it('refuses another id under a signature that covers it', () => {
    expect(withHeaders({ 'webhook-id': 'msg_2' })).toBe(false);
  });

  it('takes one of several signatures, whatever their versions', () => {
    expect(withHeaders({ 'webhook-signature': `v1,AAAA v2,AAAA ${good.headers['webhook-signature']}` })).toBe(true);
    expect(withHeaders({ 'webhook-signature': good.headers['webhook-signature']!.replace('v1,', 'v2,') })).toBe(false);
  });

  it('takes the older names of its headers', () => {
    const headers = Object.fromEntries(Object.entries(good.headers).map(([name, value]) => [name.replace('webhook-', 'svix-'), value]));
    expect(takes('standard-webhooks', { ...good, headers })).toBe(true);
  });

  it('takes a secret without its prefix, and refuses by one that is not base64', () => {
    expect(takes('standard-webhooks', { ...good, secrets: [WHSEC.slice('whsec_'.length)] })).toBe(true);
    expect(takes('standard-webhooks', { ...good, secrets: ['whsec_not base64!'] })).toBe(false);
    expect(takes('standard-webhooks', { ...good, secrets: ['whsec_'] })).toBe(false);
  });

  it('takes ed25519 by the public key, and only by the right one', () => {
    const [ours, theirs] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
    const publicText = ({ publicKey }: typeof ours): string =>
      `whpk_${publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
    const signature = sign(null, Buffer.from(`msg_1.${AT_S}.${BODY}`), ours.privateKey).toString('base64');
    const headers = { ...good.headers, 'webhook-signature': `v1a,${signature}` };
    const check = (secrets: string[], body = BODY) => takes('standard-webhooks', { secrets, headers, body, nowMs: AT_MS });
    expect(check([publicText(theirs), publicText(ours)])).toBe(true);
    expect(check([publicText(theirs)])).toBe(false);
    expect(check([publicText(ours)], `${BODY} `)).toBe(false);
    expect(check([WHSEC])).toBe(false);
    expect(check(['whpk_AAAA'])).toBe(false);
  });

  it('never takes a public key for a shared secret', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const text = `whpk_${publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
    const forged = createHmac('sha256', Buffer.from(text.slice(5), 'base64'))
      .update(`msg_1.${AT_S}.${BODY}`)
      .digest('base64');
    const headers = { ...good.headers, 'webhook-signature': `v1,${forged}` };
    expect(takes('standard-webhooks', { ...good, secrets: [text], headers })).toBe(false);
  });
});
