import { FileError } from '../../core/errors.js';
import { WIRE } from './schema.js';

const SHORT_TEXT = 256;

/**
 * Reads protobuf; every read is checked against the end of the message it stands in, so that broken bytes end in a FileError.
 *
 *     const outer = wire.enter();
 *     while (wire.next()) { if (wire.field === …) …; else wire.skip(); }
 *     wire.leave(outer);
 */
export class WireReader {
  /** Number and wire type of the field that `next` found. */
  field = 0;
  #type = 0;
  #position = 0;
  #limit: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #name: string;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  /** @param name what messages call the file. */
  constructor(bytes: Uint8Array, name: string) {
    // A plain view, since Node's Buffer overrides `slice` to share memory; a copy of shared memory, which TextDecoder refuses.
    this.#bytes = bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Uint8Array.from(bytes);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    this.#limit = bytes.byteLength;
    this.#name = name;
  }

  /** A FileError that names the file; `hint` says what to do. */
  error(problem: string, hint: string): FileError {
    return new FileError(`${this.#name}: ${problem}. ${hint}`, { received: this.#name });
  }

  corrupt(problem: string): FileError {
    return this.error(
      `not a readable ONNX model: ${problem} at byte ${this.#position} of ${this.#bytes.length}`,
      'Is the file complete, and is it ONNX?',
    );
  }

  /** Moves to the next field of the current message; false at its end. */
  next(): boolean {
    if (this.#position >= this.#limit) return false;
    const tag = this.#int();
    if (typeof tag === 'bigint' || tag < 8 || tag >= 2 ** 32) throw this.corrupt(`no field has tag ${tag}`);
    this.field = Math.floor(tag / 8);
    this.#type = tag % 8;
    return true;
  }

  /** Steps into the nested message that the current field holds; returns what `leave` takes. */
  enter(): number {
    const outer = this.#limit;
    const length = this.#length();
    this.#limit = this.#position + length;
    return outer;
  }

  leave(outer: number): void {
    this.#limit = outer;
  }

  skip(): void {
    if (this.#type === WIRE.varint) this.#int();
    else if (this.#type === WIRE.fixed64) this.#advance(8);
    else if (this.#type === WIRE.fixed32) this.#advance(4);
    else this.#advance(this.#length());
  }

  /** The current field as a signed integer of 64 bits: a number where that is exact. */
  readInt(): number | bigint {
    this.#expect(WIRE.varint);
    return this.#int();
  }

  readFloat(): number {
    this.#expect(WIRE.fixed32);
    return this.#view.getFloat32(this.#advance(4), true);
  }

  /** Bytes of the current field; shares memory with the file. */
  readBytes(): Uint8Array {
    const start = this.#advance(this.#length());
    return this.#bytes.subarray(start, this.#position);
  }

  readString(): string {
    const length = this.#length();
    const start = this.#advance(length);
    const plain = length <= SHORT_TEXT && this.#plainText(start, length);
    if (plain !== false) return plain;
    try {
      return this.#decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw this.corrupt('text that is not UTF-8');
    }
  }

  /** Appends the current field's integers to `into`; the field is one of them or a packed run. */
  readInts(into: (number | bigint)[]): void {
    this.#repeated(WIRE.varint, () => into.push(this.#int()));
  }

  readFloats(into: number[]): void {
    this.#repeated(WIRE.fixed32, () => into.push(this.#view.getFloat32(this.#advance(4), true)));
  }

  readDoubles(into: number[]): void {
    this.#repeated(WIRE.fixed64, () => into.push(this.#view.getFloat64(this.#advance(8), true)));
  }

  /** Text of ASCII, which names are: a TextDecoder needs a view of each, and thousands of views keep the garbage collector busy. */
  #plainText(start: number, length: number): string | false {
    const codes = new Array<number>(length);
    for (let i = 0; i < length; i++) {
      const code = this.#bytes[start + i] ?? 0;
      if (code > 127) return false;
      codes[i] = code;
    }
    return String.fromCharCode(...codes);
  }

  #repeated(type: number, read: () => void): void {
    if (this.#type === type) {
      read();
      return;
    }
    const outer = this.enter();
    while (this.#position < this.#limit) read();
    this.leave(outer);
  }

  #expect(type: number): void {
    if (this.#type !== type) throw this.corrupt(`field ${this.field} has wire type ${this.#type}, expected ${type}`);
  }

  #length(): number {
    this.#expect(WIRE.bytes);
    const length = this.#int();
    if (typeof length === 'bigint' || length < 0 || length > this.#limit - this.#position) {
      throw this.corrupt(`field ${this.field} claims ${length} bytes, but only ${this.#limit - this.#position} are left`);
    }
    return length;
  }

  /** Position before the step. */
  #advance(count: number): number {
    const start = this.#position;
    if (count > this.#limit - start) throw this.corrupt('the data end in the middle of a value');
    this.#position = start + count;
    return start;
  }

  #int(): number | bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#advance(1)] ?? 0;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift > 28) high |= bits << (shift - 32);
      else {
        low |= bits << 28;
        high = bits >> 4;
      }
      if (byte < 128) {
        const value = high * 2 ** 32 + (low >>> 0);
        return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low >>> 0);
      }
    }
    throw this.corrupt('an integer longer than 10 bytes');
  }
}
