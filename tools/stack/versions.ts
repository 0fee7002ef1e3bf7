/**
 * What the local stack is made of. Versions are those that were seen to work together; a change here changes the folder in the cache, so old and new
 * never mix. docker-compose.yml names the same versions.
 */
export const kafkaVersion = '4.3.0';
export const log4jVersion = '2.24.3';
export const registryVersion = '3.0.9';
export const embeddedRedisVersion = '1.4.4';
export const postgresVersion = '17.5.0';

/** The oldest Redis whose scripts and options the code is written for. */
export const redisMinVersion = [6, 2] as const;

/** The oldest Java that runs Kafka 4 and Apicurio 3.0. */
export const javaMinVersion = 17;

/**
 * Named with its version, because each Maven has another one as its own, and the 3.x ones refuse the registry: they read its pom, whose parent is not
 * in the repository.
 */
export const mavenDependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:2.8';

/** The pom whose runtime dependencies are a complete Kafka broker with its tools and a logger. */
export const kafkaPom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>holdfast.local</groupId>
  <artifactId>kafka</artifactId>
  <version>${kafkaVersion}</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>${log4jVersion}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>${log4jVersion}</version></dependency>
  </dependencies>
</project>
`;

/** A pom whose runtime dependencies can unpack .xz. */
export const unxzPom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>holdfast.local</groupId>
  <artifactId>unxz</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.ant</groupId><artifactId>ant-xz</artifactId><version>1.10.15</version></dependency>
    <dependency><groupId>org.tukaani</groupId><artifactId>xz</artifactId><version>1.10</version></dependency>
  </dependencies>
</project>
`;

export const registryArtifact = `io.apicurio:apicurio-registry-app:${registryVersion}:tar.gz:all`;
export const redisArtifact = `com.github.codemonstur:embedded-redis:${embeddedRedisVersion}`;

const postgresPlatforms: Record<string, string> = {
  'linux-x64': 'linux-amd64',
  'linux-arm64': 'linux-arm64v8',
  'darwin-x64': 'darwin-amd64',
  'darwin-arm64': 'darwin-arm64v8',
};

/** Maven coordinates of the Postgres binaries for a platform such as `linux-x64`, or undefined where there are none. */
export function postgresArtifact(platform: string): string | undefined {
  const name = postgresPlatforms[platform];
  return name && `io.zonky.test.postgres:embedded-postgres-binaries-${name}:${postgresVersion}`;
}

const redisBinaries: Record<string, string> = {
  'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
  'linux-arm64': 'redis-server-6.2.7-linux-arm64',
  'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
  'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
};

/** The name of the Redis binary inside {@link redisArtifact} for a platform such as `linux-x64`. */
export function redisBinary(platform: string): string | undefined {
  return redisBinaries[platform];
}
