/** CRC-32C (Castagnoli), which Kafka's record batches carry; `node:zlib` has only the other polynomial. Eight bytes a step. */
const tables = makeTables();

export function crc32c(data: Uint8Array, from = 0, to = data.length): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = -1;
  let at = from;
  for (const end = to - 7; at < end; at += 8) {
    crc ^= data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    crc =
      t7[crc & 255]! ^ t6[(crc >>> 8) & 255]! ^ t5[(crc >>> 16) & 255]! ^ t4[crc >>> 24]! ^
      t3[data[at + 4]!]! ^ t2[data[at + 5]!]! ^ t1[data[at + 6]!]! ^ t0[data[at + 7]!]!; // prettier-ignore
  }
  for (; at < to; at += 1) crc = (crc >>> 8) ^ t0[(crc ^ data[at]!) & 255]!;
  return (crc ^ -1) >>> 0;
}

function makeTables(): Int32Array[] {
  const made = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[0]![byte] = crc;
  }
  for (let step = 1; step < 8; step += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const before = made[step - 1]![byte]!;
      made[step]![byte] = (before >>> 8) ^ made[0]![before & 255]!;
    }
  }
  return made;
}
