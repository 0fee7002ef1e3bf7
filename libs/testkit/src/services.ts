/** Addresses of the real services a test or benchmark runs on. */
export type Services = Readonly<{ brokers: readonly string[]; redisUrl: string; registryUrl: string; databaseUrl: string }>;

/** The services of the environment; null when one of the four addresses is not given. */
export function servicesFrom(environment: NodeJS.ProcessEnv): Services | null {
  const { KAFKA_BROKERS, REDIS_URL, SCHEMA_REGISTRY_URL, DATABASE_URL } = environment;
  if (!KAFKA_BROKERS || !REDIS_URL || !SCHEMA_REGISTRY_URL || !DATABASE_URL) return null;
  return { brokers: KAFKA_BROKERS.split(','), redisUrl: REDIS_URL, registryUrl: SCHEMA_REGISTRY_URL, databaseUrl: DATABASE_URL };
}

/** As the apps read them. */
export const servicesEnvironment = ({ brokers, redisUrl, registryUrl, databaseUrl }: Services): Record<string, string> => ({
  KAFKA_BROKERS: brokers.join(','),
  REDIS_URL: redisUrl,
  SCHEMA_REGISTRY_URL: registryUrl,
  DATABASE_URL: databaseUrl,
});
