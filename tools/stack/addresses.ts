/** The four services, in the order in which their lines are printed. */
export const serviceNames = ['kafka', 'redis', 'registry', 'postgres'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Where each service answers: `HOST:PORT` for Kafka (a comma-separated list of them), a URL for the others. */
export type StackAddresses = Record<ServiceName, string>;

/** The environment variable that carries each address to apps, tests and the CLI. */
export const addressVariables: Record<ServiceName, string> = {
  kafka: 'KAFKA_BROKERS',
  redis: 'REDIS_URL',
  registry: 'SCHEMA_REGISTRY_URL',
  postgres: 'DATABASE_URL',
};

/** The addresses that the environment gives; an empty value counts as not given. */
export function givenAddresses(env: NodeJS.ProcessEnv): Partial<StackAddresses> {
  const entries = serviceNames.map((name) => [name, env[addressVariables[name]]] as const).filter(([, value]) => value);
  return Object.fromEntries(entries);
}

export function addressEnvironment(addresses: StackAddresses): Record<string, string> {
  return Object.fromEntries(serviceNames.map((name) => [addressVariables[name], addresses[name]]));
}

/** The addresses of services that listen on this machine's own ports. */
export function localAddress(name: ServiceName, port: number): string {
  const hostPort = `127.0.0.1:${port}`;
  switch (name) {
    case 'kafka':
      return hostPort;
    case 'redis':
      return `redis://${hostPort}`;
    case 'registry':
      return `http://${hostPort}/apis/ccompat/v7`;
    case 'postgres':
      return `postgres://holdfast@${hostPort}/holdfast`;
  }
}
