import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { brokerError, kafkaApi, MemberAssignment, MemberMetadata, openBroker } from './kafkajs-internals.kafka.js';
import { kafkaErrorType, toLogError } from './kafkajs-errors.js';
import { kafkaTuningDefault } from './kafka-settings.js';
import { silentLogger } from './logger.port.js';

// Goal: fail loudly, and here, when kafkajs changes under `kafkajs-internals.kafka.ts`.
const require = createRequire(import.meta.url);

describe("kafkajs's inside", () => {
  it('is the version that was read', () => expect((require('kafkajs/package.json') as { version: string }).version).toBe('2.2.4'));

  it('has the broker that is used here, with its connections and requests', async () => {
    const broker = await openBroker({ brokers: ['localhost:1'] }, kafkaTuningDefault, silentLogger, { host: 'localhost', port: 1 });
    const methods = [
      'connect',
      'disconnect',
      'isConnected',
      'findGroupCoordinator',
      'joinGroup',
      'syncGroup',
      'heartbeat',
      'leaveGroup',
      'offsetFetch',
      'offsetCommit',
      'listOffsets',
      'createTopics',
      'describeConfigs',
      'initProducerId',
      'addPartitionsToTxn',
      'addOffsetsToTxn',
      'txnOffsetCommit',
      'endTxn',
      'lookupRequest',
    ];
    const record = broker as unknown as Record<string, unknown>;
    expect(methods.filter((name) => typeof record[name] !== 'function')).toEqual([]);
    const [connection] = broker.connectionPool.pool;
    expect(typeof connection!.send).toBe('function');
    expect(Array.isArray(connection!.requestQueue.pending)).toBe(true);
    expect(typeof connection!.requestQueue.checkPendingRequests).toBe('function');
    await expect(broker.connect()).rejects.toMatchObject({ name: 'KafkaJSConnectionError' });
  });

  it('has the keys, errors and encodings that are used here', () => {
    expect(kafkaApi).toEqual({ produce: 0, fetch: 1 });
    expect(kafkaErrorType(brokerError(47))).toBe('INVALID_PRODUCER_EPOCH');
    expect(kafkaErrorType(brokerError(90))).toBe('PRODUCER_FENCED');
    expect([10, 18, 51, 48, 3, 29, 6].map((code) => toLogError(brokerError(code), 'x').code)).toEqual([
      'too-large',
      'too-large',
      'unavailable',
      'fenced',
      'missing-topic',
      'unauthorized',
      'unavailable',
    ]);
    const metadata = MemberMetadata.encode({ version: 1, topics: ['t'], userData: Buffer.from('[1]') });
    expect(MemberMetadata.decode(metadata)).toMatchObject({ topics: ['t'], userData: Buffer.from('[1]') });
    expect(MemberAssignment.decode(MemberAssignment.encode({ version: 1, assignment: { t: [2, 0] } }))).toMatchObject({
      assignment: { t: [2, 0] },
    });
  });
});
