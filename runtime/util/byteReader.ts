/** Bounds-checked reading of binary formats; running over the end is a `FormatError`, never `undefined`. */
import { FormatError } from './problem';
import { utf8Decode } from './utf8';

export class ByteReader {
  private readonly view: DataView;
  offset = 0;

  /** @param format names the format in errors ("ELF", "BTF", "DWARF"). */
  constructor(
    readonly bytes: Uint8Array,
    readonly format: string,
    readonly littleEndian = true,
    /** Added to offsets in errors, when `bytes` is a part of a larger file. */
    readonly base = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  get atEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  private take(sizeBytes: number): number {
    const at = this.offset;
    if (sizeBytes < 0 || at < 0 || at + sizeBytes > this.bytes.length) {
      throw new FormatError(this.format, `truncated: ${sizeBytes} bytes wanted`, this.base + at);
    }
    this.offset = at + sizeBytes;
    return at;
  }

  seek(offset: number): this {
    if (!(offset >= 0 && offset <= this.bytes.length)) {
      throw new FormatError(
        this.format,
        `offset ${offset} lies outside ${this.bytes.length} bytes`,
        this.base + this.offset,
      );
    }
    this.offset = offset;
    return this;
  }

  skip(sizeBytes: number): this {
    this.take(sizeBytes);
    return this;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  i8(): number {
    return this.view.getInt8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2), this.littleEndian);
  }
  i16(): number {
    return this.view.getInt16(this.take(2), this.littleEndian);
  }
  u32(): number {
    return this.view.getUint32(this.take(4), this.littleEndian);
  }
  i32(): number {
    return this.view.getInt32(this.take(4), this.littleEndian);
  }
  u64(): bigint {
    return this.view.getBigUint64(this.take(8), this.littleEndian);
  }
  i64(): bigint {
    return this.view.getBigInt64(this.take(8), this.littleEndian);
  }

  /** A view, not a copy. */
  slice(sizeBytes: number): Uint8Array {
    const at = this.take(sizeBytes);
    return this.bytes.subarray(at, at + sizeBytes);
  }

  /** A zero-terminated string at the current offset. */
  cString(): string {
    const end = this.bytes.indexOf(0, this.offset);
    if (end < 0) throw new FormatError(this.format, 'string without terminator', this.base + this.offset);
    const text = utf8Decode(this.bytes.subarray(this.offset, end));
    this.offset = end + 1;
    return text;
  }

  /** A zero-terminated string at `offset`, without moving. */
  cStringAt(offset: number): string {
    const back = this.offset;
    this.seek(offset);
    const text = this.cString();
    this.offset = back;
    return text;
  }

  /** Unsigned LEB128; values beyond 64 bits are an error. */
  uleb(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n) throw new FormatError(this.format, 'LEB128 number too long', this.base + this.offset);
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return BigInt.asUintN(64, value);
    }
  }

  /** Signed LEB128. */
  sleb(): bigint {
    let value = 0n;
    for (let shift = 0n; ;) {
      if (shift > 63n) throw new FormatError(this.format, 'LEB128 number too long', this.base + this.offset);
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if ((byte & 0x80) === 0) return (byte & 0x40) !== 0 ? BigInt.asIntN(64, value - (1n << shift)) : value;
    }
  }
}
