// Goal: the commands that need services do on real ones what INTERFACES promises, and can be repeated.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';

const program = join(import.meta.dirname, '../../../tools/holdfast.mjs');
const prefix = `cli-${randomUUID().slice(0, 8)}.`;
const source = `erp-${prefix}orders`;
const configuration = `version: 1
singleNode: true
environment: dev
topics: { prefix: ${prefix}, partitions: 2 }
retry: { tiers: [1s] }
sources: [{ name: erp, topic: { name: ${source} }, event: { id: /id } }]
destinations: [{ name: d, http: { url: "http://127.0.0.1:1" }, unknown: { resolve: hold } }]
routes: [{ to: d }]
`;
const admin = new Kafka({ brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','), logLevel: logLevel.NOTHING }).admin();
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  writeFileSync(join(folder, 'holdfast.yaml'), configuration);
  await admin.connect();
});
afterAll(async () => {
  await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(prefix) || topic === source) });
  await admin.disconnect();
  rmSync(folder, { recursive: true });
});

function holdfast(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8', timeout: 30_000 });
  return { code: status, out: stdout, err: stderr };
}

describe('holdfast topics apply', () => {
  it('makes every topic of the configuration, with the offsets of its groups; again it finds all', async () => {
    const first = holdfast('topics', 'apply');
    expect(first).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/8 topics: 8 made, 0 stood already\n$/) });
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix) || topic === source);
    const own = ['commands', 'deliveries.d', 'dlq', 'events', 'invalid', 'ledger', 'retry.1s'].map((name) => `${prefix}${name}`);
    expect(topics.sort()).toEqual([...own, source].sort());
    const [events] = await admin.fetchOffsets({ groupId: `${prefix}dedupe`, topics: [`${prefix}events`] });
    expect(events!.partitions.map(({ offset }) => offset)).toEqual(['0', '0']);
    expect(holdfast('topics', 'apply')).toMatchObject({ code: 0, err: '', out: '8 topics: 0 made, 8 stood already\n' });
  });

  it('says what differs from the plan, and changes nothing', () => {
    writeFileSync(join(folder, 'more.yaml'), configuration.replace('partitions: 2', 'partitions: 3'));
    const { code, err } = holdfast('topics', 'apply', 'more.yaml');
    expect([code, err]).toEqual([0, expect.stringContaining(`${prefix}events: warning: has 2 partitions, 3 are planned`)]);
    expect(err).not.toContain(`${source}: `);
  });
});

describe('holdfast schemas', () => {
  it('register can be repeated, and check compares with the registry', () => {
    const lines = (out: string) => out.trim().split('\n');
    expect(lines(holdfast('schemas', 'register').out)).toHaveLength(4);
    const again = holdfast('schemas', 'register');
    expect([again.code, lines(again.out)]).toEqual([
      0,
      Array(4).fill(expect.stringMatching(/^holdfast\.\w+: stands as schema \d+, BACKWARD_TRANSITIVE$/)),
    ]);
    expect(holdfast('schemas', 'check')).toMatchObject({ code: 0, out: expect.stringMatching(/in the history, \d+ in the registry/) });
  });
});
