import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { createKafkajsCluster, type KafkajsOptions } from './kafkajs-log.js';
import type { KafkaSettings } from './kafka-settings.js';
import type { LogCluster } from './log.port.js';

/** Injects the LogCluster. */
export const LOG_CLUSTER = Symbol('LogCluster');

@Injectable()
class LogClusterShutdown implements OnApplicationShutdown {
  constructor(@Inject(LOG_CLUSTER) private readonly cluster: LogCluster) {}

  onApplicationShutdown(): Promise<void> {
    return this.cluster.close();
  }
}

/** The log as a provider, closed with the app. Tests give another cluster with `with`. */
@Module({})
export class KafkaModule {
  static forRoot(settings: KafkaSettings, options: KafkajsOptions = {}): DynamicModule {
    return KafkaModule.with(createKafkajsCluster(settings, options));
  }

  static with(cluster: LogCluster): DynamicModule {
    return {
      module: KafkaModule,
      global: true,
      providers: [{ provide: LOG_CLUSTER, useValue: cluster }, LogClusterShutdown],
      exports: [LOG_CLUSTER],
    };
  }
}

// What wiring files need of the real adapter; everything else enters by index.ts.
export { createKafkajsCluster, type KafkajsOptions } from './kafkajs-log.js';
export { HoldfastTransport, type TransportWork } from './holdfast.transport.js';
export { TopicsAdmin } from './topics-admin.js';
export { ClusterCheck, type ClusterFault } from './cluster-check.js';
