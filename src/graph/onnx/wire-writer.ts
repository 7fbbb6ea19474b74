import { WIRE } from './schema.js';

const FIRST_BUFFER = 16 * 1024;
const LARGEST_BUFFER = 1024 * 1024;
/** Payloads from this size on are copied once, straight into the result. */
const LARGE_PAYLOAD = 1024;

/**
 * Writes protobuf back to front: a nested message is complete before its length is written, so no length is computed ahead or patched.
 * Callers write fields, and repeated elements, last one first.
 */
export class WireWriter {
  #buffer = new Uint8Array(FIRST_BUFFER);
  #view = new DataView(this.#buffer.buffer);
  /** The next byte goes in front of this position; bytes from here to `#end` are not yet in `#parts`. */
  #position = FIRST_BUFFER;
  #end = FIRST_BUFFER;
  #flushed = 0;
  readonly #parts: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();

  /** Bytes written so far; take it before a nested message and hand it to `close`. */
  get length(): number {
    return this.#flushed + this.#end - this.#position;
  }

  /** Ends (begins, in the file) the message whose last byte was written when `length` was `mark`. */
  close(field: number, mark: number): void {
    this.#lengthAndTag(field, this.length - mark);
  }

  int(field: number, value: number | bigint): void {
    this.#varint(value);
    this.#varint((field << 3) | WIRE.varint);
  }

  float(field: number, value: number): void {
    this.#reserve(4);
    this.#position -= 4;
    this.#view.setFloat32(this.#position, value, true);
    this.#varint((field << 3) | WIRE.fixed32);
  }

  double(field: number, value: number): void {
    this.#reserve(8);
    this.#position -= 8;
    this.#view.setFloat64(this.#position, value, true);
    this.#varint((field << 3) | WIRE.fixed64);
  }

  string(field: number, value: string): void {
    if (value.length > LARGE_PAYLOAD || !this.#plainText(value)) this.bytes(field, this.#encoder.encode(value));
    else this.#lengthAndTag(field, value.length);
  }

  /** The bytes must stay as they are until `finish`. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length >= LARGE_PAYLOAD) {
      this.#flush();
      this.#parts.push(value);
      this.#flushed += value.length;
    } else {
      this.#reserve(value.length);
      this.#position -= value.length;
      this.#buffer.set(value, this.#position);
    }
    this.#lengthAndTag(field, value.length);
  }

  /** The whole message, in memory of its own. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#flush();
    const result = new Uint8Array(this.#flushed);
    let offset = this.#flushed;
    for (const part of this.#parts) {
      offset -= part.length;
      result.set(part, offset);
    }
    return result;
  }

  /** Writes ASCII, which names are and TextEncoder is slow at; false, and nothing written, for other text. */
  #plainText(value: string): boolean {
    const { length } = value;
    this.#reserve(length);
    const start = this.#position - length;
    const buffer = this.#buffer;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      buffer[start + i] = code;
    }
    this.#position = start;
    return true;
  }

  #lengthAndTag(field: number, length: number): void {
    this.#varint(length);
    this.#varint((field << 3) | WIRE.bytes);
  }

  #varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === 'number' && value >= 0 && value < 2 ** 7) {
      this.#buffer[--this.#position] = value;
      return;
    }
    if (typeof value === 'number' && value >= 0 && value < 2 ** 28) {
      if (value >= 2 ** 21) this.#buffer[--this.#position] = value >> 21;
      if (value >= 2 ** 14) this.#buffer[--this.#position] = (value >> 14) | (value >= 2 ** 21 ? 128 : 0);
      this.#buffer[--this.#position] = (value >> 7) | (value >= 2 ** 14 ? 128 : 0);
      this.#buffer[--this.#position] = value | 128;
      return;
    }
    const digits: number[] = [];
    for (let rest = BigInt.asUintN(64, BigInt(value)); rest > 0n || digits.length === 0; rest >>= 7n) digits.push(Number(rest & 127n));
    for (let i = digits.length - 1; i >= 0; i--) this.#buffer[--this.#position] = (digits[i] ?? 0) | (i < digits.length - 1 ? 128 : 0);
  }

  /** Makes room for `count` bytes in front of the position. */
  #reserve(count: number): void {
    if (this.#position >= count) return;
    this.#flush();
    const size = Math.max(count, Math.min(2 * this.#buffer.length, LARGEST_BUFFER));
    this.#buffer = new Uint8Array(size);
    this.#view = new DataView(this.#buffer.buffer);
    this.#position = size;
    this.#end = size;
  }

  #flush(): void {
    if (this.#position === this.#end) return;
    this.#parts.push(this.#buffer.subarray(this.#position, this.#end));
    this.#flushed += this.#end - this.#position;
    this.#end = this.#position;
  }
}
