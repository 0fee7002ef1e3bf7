/** Bytes that are not what their schema says. Caught where decoding begins; never leaves this lib. */
export class AvroFault extends Error {
  constructor(
    readonly code: 'truncated' | 'unreadable',
    message: string,
  ) {
    super(message);
  }
}

/** No record of ours or of a sensible producer has more items in its arrays and maps together. */
const ITEMS_MAX = 100_000;
const DEPTH_MAX = 64;
const VARINT_BYTES_MAX = 10;

/**
 * Walks Avro's binary form and trusts nothing in it. A count or length comes from the sender: without bounds, twelve
 * bytes could ask for terabytes.
 */
export class AvroCursor {
  #items = 0;
  #depth = 0;

  constructor(
    readonly bytes: Buffer,
    public position: number,
  ) {}

  get atEnd(): boolean {
    return this.position === this.bytes.length;
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.bytes.length) throw new AvroFault('truncated', `ends ${this.position - this.bytes.length} bytes too early`);
  }

  byte(): number {
    const value = this.bytes[this.position++];
    if (value === undefined) throw new AvroFault('truncated', 'ends in the middle of a value');
    return value;
  }

  skipVarint(): void {
    for (let n = 0; n < VARINT_BYTES_MAX; n++) if (this.byte() < 0x80) return;
    throw new AvroFault('unreadable', 'a number of more than ten bytes');
  }

  /** A zigzag number: exact as a number where it is safe, as a bigint beyond 2^53. */
  long(): number | bigint {
    const first = this.byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = BigInt(first & 0x7f);
    for (let n = 1; n < VARINT_BYTES_MAX; n++) {
      const next = this.byte();
      value |= BigInt(next & 0x7f) << BigInt(7 * n);
      if (next < 0x80) return settle(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)));
    }
    throw new AvroFault('unreadable', 'a number of more than ten bytes');
  }

  /** A length in bytes that the rest of the value can hold. */
  length(): number {
    const value = this.long();
    if (typeof value !== 'number' || value < 0) throw new AvroFault('unreadable', `a length of ${value}`);
    if (this.position + value > this.bytes.length)
      throw new AvroFault('truncated', `${value} bytes announced, ${this.bytes.length - this.position} left`);
    return value;
  }

  /** The next block of an array or map: its number of items, 0 at the end. */
  block(): number {
    const value = this.long();
    if (typeof value !== 'number') throw new AvroFault('unreadable', `a block of ${value} items`);
    if (value < 0) this.skipVarint(); // The block's size in bytes, which is no use to us.
    const count = Math.abs(value);
    this.#items += count;
    if (this.#items > ITEMS_MAX) throw new AvroFault('unreadable', `more than ${ITEMS_MAX} items`);
    return count;
  }

  /** The branch of a union, or the symbol of an enum. */
  choice(of: number): number {
    const value = this.long();
    if (typeof value !== 'number' || value < 0 || value >= of) throw new AvroFault('unreadable', `choice ${value} of ${of}`);
    return value;
  }

  enter(): void {
    if (++this.#depth > DEPTH_MAX) throw new AvroFault('unreadable', `nested deeper than ${DEPTH_MAX}`);
  }

  leave(): void {
    this.#depth -= 1;
  }
}

const settle = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
