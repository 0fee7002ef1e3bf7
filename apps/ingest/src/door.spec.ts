import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import { openTestDoor, SECRET, type TestSource } from './testing/door-world.js';

// Goal: every answer of the door, over real HTTP, before an appender the test answers for.
type Door = Awaited<ReturnType<typeof openTestDoor>>;
const open: { door: Door | null; agent: Agent } = { door: null, agent: new Agent() };
afterEach(async () => {
  await open.agent.destroy();
  await open.door?.close();
  open.agent = new Agent();
});

async function door(sources: TestSource[] = [{ name: 'plain' }], options?: { inFlightMaxBytes?: number }): Promise<Door> {
  open.door = await openTestDoor(sources, options);
  return open.door;
}

async function post(
  world: Door,
  path: string,
  body: string | Buffer | null,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) {
  const answer = await request(`${world.url}${path}`, { method: 'POST', headers, body, dispatcher: open.agent });
  const text = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(text) as Record<string, unknown> };
}

const github: TestSource = {
  name: 'github',
  webhook: { verify: { scheme: 'github', secrets: [] } },
  event: { id: { kind: 'header', name: 'x-github-delivery' }, type: { kind: 'header', name: 'x-github-event' } },
};
const sign = (body: string) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;

describe('an event that is taken', () => {
  it('is answered 202 with its ids once it is appended, byte for byte', async () => {
    const world = await door([github]);
    const body = ' {"thing" : "t1", "é": "\\u0000"}\n';
    const answer = await post(world, '/in/github', body, {
      'content-type': 'application/json; charset=utf-8',
      'x-hub-signature-256': sign(body),
      'x-github-delivery': 'd-1',
      'x-github-event': 'push',
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ id: 'd-1', correlationId: answer.headers['x-correlation-id'] });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    const [event] = world.events();
    expect(event).toMatchObject({
      id: 'd-1',
      source: 'github',
      type: 'push',
      subject: 't1',
      datacontenttype: 'application/json; charset=utf-8',
      faults: [],
    });
    expect(event!.data.toString()).toBe(body);
    expect(world.appended[0]).toMatchObject({
      topic: 'hf.events',
      key: 't1',
      headers: {
        ce_id: 'd-1',
        ce_type: 'push',
        ce_source: 'github',
        'correlation-id': event!.correlationid,
        traceparent: event!.traceparent,
      },
    });
    expect(world.received).toEqual(['github push']);
  });

  it('keeps the ids of a sender that are well-formed, and makes others', async () => {
    const world = await door();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const taken = await post(world, '/in/plain', '{"id":"1"}', { 'x-correlation-id': 'order-4711', traceparent });
    expect(taken.headers).toMatchObject({ 'x-correlation-id': 'order-4711', traceparent });
    expect(taken.body['correlationId']).toBe('order-4711');
    const made = await post(world, '/in/plain', '{"id":"1"}', { 'x-correlation-id': 'short', traceparent: '00-bad' });
    expect(made.headers['x-correlation-id']).toMatch(/^[A-Za-z0-9._-]{8,128}$/);
    expect(made.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-/);
  });

  it('may be a form, text, absent of type, or broken: that is judged later', async () => {
    const world = await door();
    const rows: [body: string, headers: Record<string, string>, fault: string | null][] = [
      ['id=1&thing=t1', { 'content-type': 'application/x-www-form-urlencoded' }, null],
      ['hello', { 'content-type': 'text/plain' }, null],
      ['{"id":"1"}', {}, null],
      ['{"id":', { 'content-type': 'application/json' }, 'malformed-json'],
    ];
    for (const [body, headers] of rows) expect((await post(world, '/in/plain', body, headers)).status).toBe(202);
    expect((await post(world, '/in/plain', null, {})).status).toBe(202);
    expect(world.events().map(({ faults }) => faults[0]?.code ?? null)).toEqual([...rows.map(([, , fault]) => fault), 'malformed-json']);
    expect(world.events()[0]).toMatchObject({ id: '1', subject: 't1' });
  });

  it('has a time-ordered id of its own where the sender names none', async () => {
    const world = await door();
    const first = await post(world, '/in/plain', '{}');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await post(world, '/in/plain', '{}');
    expect(first.body['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(String(first.body['id']) < String(second.body['id'])).toBe(true);
  });

  it('is not answered before the append has ended', async () => {
    const world = await door();
    let finish = (): void => undefined;
    world.state.answer = () => new Promise((resolve) => (finish = () => resolve('appended')));
    let answered = false;
    const answer = post(world, '/in/plain', '{}').then((one) => ((answered = true), one));
    while (world.appended.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([answered, world.appended.length, world.received.length]).toEqual([false, 1, 0]);
    finish();
    expect((await answer).status).toBe(202);
  });
});

describe('a request that is refused', () => {
  it('gets 401 for a wrong, missing or foreign signature, and is not appended', async () => {
    const world = await door([github]);
    for (const signature of [sign('other'), '', 'sha256=00', null]) {
      const answer = await post(world, '/in/github', '{}', signature === null ? {} : { 'x-hub-signature-256': signature });
      expect([answer.status, answer.headers['content-type']]).toEqual([401, 'application/problem+json']);
      expect(answer.body).toMatchObject({
        type: 'urn:holdfast:problem:bad-signature',
        status: 401,
        correlationId: answer.headers['x-correlation-id'],
      });
    }
    expect(world.appended).toEqual([]);
    expect(world.refused.map(({ code }) => code)).toEqual(Array(4).fill('bad-signature'));
  });

  it('gets 404 for an unknown source and 405 for another method', async () => {
    const world = await door();
    for (const path of ['/in/other', '/in/', '/in/plain/more', '/in/PLAIN']) {
      const answer = await post(world, path, '{}');
      expect([answer.status, answer.body['type'], answer.headers['x-correlation-id'] !== undefined]).toEqual([
        404,
        'urn:holdfast:problem:unknown-source',
        true,
      ]);
    }
    const got = await request(`${world.url}/in/plain?x=1`, { dispatcher: open.agent });
    expect([got.statusCode, got.headers['allow']]).toEqual([405, 'POST']);
    await got.body.dump();
  });

  it("gets 413 over the source's own bound, announced or not", async () => {
    const world = await door([
      { name: 'small', webhook: { bodyMaxBytes: 10 } },
      { name: 'large', webhook: { bodyMaxBytes: 100 } },
    ]);
    expect((await post(world, '/in/small', '"12345678"')).status).toBe(202);
    expect((await post(world, '/in/small', '"123456789"')).status).toBe(413);
    expect((await post(world, '/in/large', '"123456789"')).status).toBe(202);
    const chunked = await raw(
      world,
      'POST /in/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n"123456789"\r\n0\r\n\r\n',
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
    expect(chunked).toContain('urn:holdfast:problem:too-large');
    expect(world.appended.length).toBe(2);
  });

  it('gets 415 for a content type the source does not take, and for an encoded body', async () => {
    const world = await door([{ name: 'plain' }, { name: 'xml', webhook: { contentTypes: ['application/xml'] } }]);
    for (const type of ['application/xml', 'multipart/form-data; boundary=x', 'nonsense', 'a/b/c', ';']) {
      const answer = await post(world, '/in/plain', 'x', { 'content-type': type });
      expect([type, answer.status, answer.body['type']]).toEqual([type, 415, 'urn:holdfast:problem:content-type']);
    }
    expect((await post(world, '/in/plain', '{}', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await post(world, '/in/xml', '<a/>', { 'content-type': 'application/xml' })).status).toBe(202);
    expect((await post(world, '/in/xml', '{}', { 'content-type': 'application/json' })).status).toBe(415);
  });

  it('gets 503 with Retry-After for exactly what is not durable', async () => {
    const world = await door();
    world.state.answer = async (record) => (['busy', 'timeout', 'unavailable', 'stopping', 'appended'] as const)[Number(record.key)]!;
    const answers = await Promise.all([0, 1, 2, 3, 4].map((thing) => post(world, '/in/plain', JSON.stringify({ id: 'x', thing }))));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 202]);
    for (const { headers } of answers.slice(0, 4)) expect(headers['retry-after']).toBe('2');
    expect(world.received.length).toBe(1);
  });

  it('gets 413 when the log takes no record of its size', async () => {
    const world = await door();
    world.state.answer = async () => 'too-large';
    expect((await post(world, '/in/plain', '{}')).status).toBe(413);
  });

  it('gets 503 before its body is read once the door stops', async () => {
    const world = await door();
    world.state.stopping = true;
    const answer = await post(world, '/in/plain', '{}');
    expect([answer.status, answer.headers['connection'], answer.body['type']]).toEqual([503, 'close', 'urn:holdfast:problem:stopping']);
  });

  it('gets 500 without a word of the bug', async () => {
    const world = await door();
    world.state.answer = async () => {
      throw new Error('the inside of the door');
    };
    const answer = await post(world, '/in/plain', '{}');
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain('inside');
    expect(world.refused[0]!.error?.message).toBe('the inside of the door');
  });
});

describe('bytes in flight', () => {
  it('are bounded: past the bound 503, and free again with each answer', async () => {
    const world = await door([{ name: 'plain' }], { inFlightMaxBytes: 25 });
    const finish: (() => void)[] = [];
    world.state.answer = () => new Promise((resolve) => finish.push(() => resolve('appended')));
    const held = [post(world, '/in/plain', '{"id":"01"}'), post(world, '/in/plain', '{"id":"02"}')];
    while (finish.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await post(world, '/in/plain', '{"id":"03"}')).body['type']).toBe('urn:holdfast:problem:busy');
    finish.forEach((one) => one());
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([202, 202]);
    world.state.answer = async () => 'appended';
    expect((await post(world, '/in/plain', '{"id":"04"}')).status).toBe(202);
  });

  it('are free again when a sender hangs up in the middle of its body', async () => {
    const world = await door([{ name: 'plain' }], { inFlightMaxBytes: 25 });
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /in/plain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"id"');
    const status = async () => (await post(world, '/in/plain', '{"id":"01"}')).status;
    while ((await status()) !== 503) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    while ((await status()) !== 202) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

function raw(world: Door, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
      if (answer.includes('\r\n\r\n') && answer.trimEnd().endsWith('}')) socket.destroy();
    });
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}
