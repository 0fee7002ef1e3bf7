import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { outboundGuard, Secret, type SecretRef, type TlsConfig } from '#libs/config/src/index.js';
import { tlsSource } from '#libs/credentials/src/index.js';
import { systemClock } from '#libs/kafka/src/index.js';
import { startPartner, type Partner } from '#libs/testkit/src/index.js';
import { newAuthority, type Authority, type Pem } from '../../../test/fixtures/certificates.js';
import { UndiciSender } from './sender.undici.js';

// Goal: a partner with its own authority that asks for our certificate gets it, a stranger gets nothing through, and a certificate that
// is swapped in two steps is taken up without a restart.
// Method: certificates made on the spot; the partner simulator over TLS; the sender as deliver uses it.

let ours: Authority;
let theirs: Authority;
let client: Pem;
let partner: Partner;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([newAuthority('ours'), newAuthority('theirs')]);
  client = await ours.issue('holdfast');
  partner = await startPartner({ tls: { ...(await theirs.issue('partner')), ca: ours.pem, requestCert: true } });
});
afterAll(() => partner?.close());

const refs = { cert: { kind: 'env', name: 'cert' }, key: { kind: 'env', name: 'key' }, ca: { kind: 'env', name: 'ca' } } as const;

function sending(tls: TlsConfig, pems: Record<string, string>) {
  const held = new Map<string, Secret>();
  const told: string[] = [];
  const set = (name: string, pem: string): void => void held.set(name, new Secret(pem));
  for (const [name, pem] of Object.entries(pems)) set(name, pem);
  const secrets = {
    get: (wanted: readonly SecretRef[]) => wanted.map((ref) => held.get((ref as { name: string }).name)!),
    close: () => {},
  };
  const source = tlsSource(tls, secrets, (why) => told.push(why));
  const send = async (): Promise<object> => {
    const outbound = outboundGuard({ dev: true, allow: [] });
    const sender = new UndiciSender({ origin: partner.url, maxInFlight: 1, timeoutMs: 5_000, outbound, clock: systemClock, tls: source });
    const deadline = { wallMs: Date.now() + 5_000, monotonicMs: systemClock.monotonicMs() + 5_000 };
    const outcome = await sender.send({ method: 'POST', path: '/a', headers: {}, body: Buffer.from('{}') }, deadline);
    await sender.close();
    return outcome;
  };
  return { send, set, told };
}

const all = (): Record<string, string> => ({ ...client, ca: theirs.pem });

it('our certificate and their authority make a way through', async () => {
  expect(await sending(refs, all()).send()).toMatchObject({ kind: 'responded', status: 200 });
});

it('without their authority nothing is sent', async () => {
  expect(await sending({ ...refs, ca: null }, client).send()).toMatchObject({ kind: 'unsendable' });
});

it('without our certificate, or with a stranger’s, nothing takes effect and no key is told', async () => {
  const before = partner.stats().stored;
  const stranger = await theirs.issue('stranger');
  const outcomes = [
    await sending({ cert: null, key: null, ca: refs.ca }, { ca: theirs.pem }).send(),
    await sending(refs, { ...stranger, ca: theirs.pem }).send(),
  ];
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ kind: 'unreachable' });
    expect(JSON.stringify(outcome)).not.toContain('BEGIN');
  }
  expect(partner.stats().stored).toBe(before);
});

it('a new certificate is taken up when its key is there too', async () => {
  const next = await ours.issue('holdfast-2');
  const { send, set, told } = sending(refs, all());
  await send();
  set('cert', next.cert);
  expect(await send()).toMatchObject({ status: 200 });
  expect(told).toEqual(['tls.key is not the key of tls.cert']);
  set('key', next.key);
  expect(await send()).toMatchObject({ status: 200 });
  expect(told).toHaveLength(1);
});

it.each([
  ['ca', 'tls.ca holds no PEM certificate'],
  ['cert', 'tls.cert holds no PEM certificate'],
  ['key', 'tls.key holds no PEM key, or one with a passphrase'],
])('a broken %s is said without being shown', async (name, why) => {
  const { send, told } = sending(refs, { ...all(), [name]: 'planted' });
  expect(JSON.stringify(await send())).not.toContain('planted');
  expect(told).toEqual([why]);
});
