import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ServiceName } from './addresses.js';
import { type ChildCommand, type ChildSpec } from './child.js';
import { ClassArchive } from './class-archive.js';
import { commonSpec, runToEnd, type NativeSettings } from './native-settings.js';
import { postgresSpec } from './native-postgres.js';
import { type StackPorts } from './ports.js';
import { kafkaProgram, redisProgram, registryProgram } from './programs.js';
import { kafkaVersion, registryVersion } from './versions.js';

export function nativeSpec(name: ServiceName, settings: NativeSettings): ChildSpec {
  switch (name) {
    case 'kafka':
      return kafkaSpec(settings);
    case 'redis':
      return redisSpec(settings);
    case 'registry':
      return registrySpec(settings);
    case 'postgres':
      return postgresSpec(settings);
  }
}

/** One broker that is its own controller. */
function kafkaSpec(settings: NativeSettings): ChildSpec {
  const folder = join(settings.dataFolder, 'kafka');
  const properties = join(folder, 'server.properties');
  const classes = new ClassArchive(`kafka-${kafkaVersion}`);
  const kafka = async (...args: string[]): Promise<ChildCommand> => ({
    file: 'java',
    args: [`-Dholdfast.data=${folder}`, '-Dlog4j2.level=WARN', '-cp', join(await kafkaProgram(settings.say), '*'), ...args],
  });
  return {
    ...commonSpec('kafka', settings),
    stopSignal: 'SIGTERM',
    stopMaxMs: 20_000,
    readyMaxMs: 60_000,
    async prepare() {
      await mkdir(folder, { recursive: true });
      await writeFile(properties, kafkaProperties(folder, settings.ports));
      if (existsSync(join(folder, 'log', 'meta.properties'))) return;
      const clusterId = `H${randomBytes(16).toString('base64url').slice(1)}`;
      await runToEnd(await kafka('kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', properties));
    },
    command: async () => {
      const { file, args } = await kafka('kafka.Kafka', properties);
      return { file, args: ['-Xmx512m', ...(await classes.flags()), ...args] };
    },
    ended: (exitCode) => classes.ended(exitCode),
  };
}

/**
 * Everything that has a replica count is set to one. The broker's session is short because a broker that was killed may only register again when its
 * last session is over: with the default of 9 s it came back after 12 s. Offsets are kept for a year: a demo that was left off for longer than the
 * default week would find them expired, and an expired offset holds its partition.
 */
function kafkaProperties(folder: string, ports: StackPorts): string {
  return `# Written anew at every start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports.kafkaController}
listeners=PLAINTEXT://127.0.0.1:${ports.kafka},CONTROLLER://127.0.0.1:${ports.kafkaController}
advertised.listeners=PLAINTEXT://127.0.0.1:${ports.kafka}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'log')}
auto.create.topics.enable=false
unclean.leader.election.enable=false
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
offsets.topic.replication.factor=1
offsets.topic.num.partitions=10
offsets.retention.minutes=525600
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=10
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=16777216
`;
}

function redisSpec(settings: NativeSettings): ChildSpec {
  const folder = join(settings.dataFolder, 'redis');
  const config = join(folder, 'redis.conf');
  return {
    ...commonSpec('redis', settings),
    stopSignal: 'SIGTERM',
    stopMaxMs: 10_000,
    readyMaxMs: 60_000,
    async prepare() {
      await mkdir(folder, { recursive: true });
      await writeFile(config, redisConfig(folder, settings.ports.redis));
    },
    command: async () => ({ file: await redisProgram(settings.say), args: [config] }),
  };
}

/** The process title is left alone: the path of this file in it tells our Redis from another. */
function redisConfig(folder: string, port: number): string {
  return `# Written anew at every start.
bind 127.0.0.1
port ${port}
dir "${folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
set-proc-title no
`;
}

/**
 * Its storage is a file of its own and not a Kafka topic: so it starts beside Kafka instead of after it, and a test that kills the broker does not take the
 * registry along. Every write is on disk before it is answered (WRITE_DELAY=0).
 */
function registrySpec(settings: NativeSettings): ChildSpec {
  const folder = join(settings.dataFolder, 'registry');
  const classes = new ClassArchive(`registry-${registryVersion}`);
  return {
    ...commonSpec('registry', settings),
    stopSignal: 'SIGTERM',
    stopMaxMs: 15_000,
    readyMaxMs: 90_000,
    prepare: () => mkdir(folder, { recursive: true }).then(() => undefined),
    command: async () => ({
      file: 'java',
      args: [
        ...['-Xmx192m', '-XX:TieredStopAtLevel=1', ...(await classes.flags()), `-Dholdfast.data=${folder}`],
        ...['-jar', await registryProgram(settings.say)],
      ],
      env: {
        QUARKUS_HTTP_HOST: '127.0.0.1',
        QUARKUS_HTTP_PORT: String(settings.ports.registry),
        QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
        QUARKUS_LOG_LEVEL: 'WARN',
        APICURIO_LOG_LEVEL: 'WARN',
        APICURIO_STORAGE_KIND: 'sql',
        APICURIO_STORAGE_SQL_KIND: 'h2',
        APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(folder, 'schemas')};WRITE_DELAY=0`,
      },
    }),
    ended: (exitCode) => classes.ended(exitCode),
  };
}
