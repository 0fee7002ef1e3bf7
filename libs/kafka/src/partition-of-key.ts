/**
 * Which partition a key goes to: murmur2 with Kafka's seed, as Java's default partitioner does it, so that producers in
 * other languages and Holdfast agree on where an entity lives. 32-bit arithmetic throughout.
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  const words = length & ~3;
  for (let at = 0; at < words; at += 4) {
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    hash = Math.imul(hash, m) ^ Math.imul(k, m);
  }
  const rest = length & 3;
  if (rest === 3) hash ^= data[words + 2]! << 16;
  if (rest >= 2) hash ^= data[words + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ data[words]!, m);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  return (hash ^ (hash >>> 15)) | 0;
}

/** The partition of a key among `partitions`; a text is taken as UTF-8. */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return (murmur2(bytes) & 0x7fffffff) % partitions;
}
