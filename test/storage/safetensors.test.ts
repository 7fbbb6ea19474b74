import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError, FileError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { decodeSafetensors, encodeSafetensors, requireSafetensorsPath } from '#src/storage/safetensors.js';

/** A file with this header, word for word, and this many bytes of data: 0, 1, 2, … */
function file(header: unknown, dataLength = 0, options: { length?: bigint } = {}): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, options.length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  for (let i = 0; i < dataLength; i++) bytes[8 + json.length + i] = i;
  return bytes;
}

const headerOf = (bytes: Uint8Array): { text: string; start: number } => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return { text: new TextDecoder().decode(bytes.subarray(8, 8 + length)), start: 8 + length };
};

describe('safetensors', () => {
  it('gives back every dtype, shape, scalar, empty tensor, odd name and the metadata', () => {
    const tensors = {
      'dense/kernel': new NdArray(Float32Array.of(1, -0, Number.NaN, Infinity), [2, 2]),
      wide: new NdArray(Float64Array.of(Math.PI)),
      long: new NdArray(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
      ulong: new NdArray(BigUint64Array.of(2n ** 64n - 1n)),
      int: new NdArray(Int32Array.of(-1)),
      uint: new NdArray(Uint32Array.of(2 ** 32 - 1)),
      short: new NdArray(Int16Array.of(-2, 3, 4)),
      ushort: new NdArray(Uint16Array.of(65535)),
      tiny: new NdArray(Int8Array.of(-128)),
      byte: new NdArray(Uint8Array.of(255)),
      mask: new NdArray(Uint8Array.of(1, 0, 1), [3], 'bool'),
      scalar: new NdArray(Float32Array.of(5), []),
      none: new NdArray(new Float32Array(0), [0, 3]),
      'naïve "名"\n': new NdArray(Float32Array.of(1)),
      ['__proto__']: new NdArray(Float32Array.of(2)),
      7: new NdArray(Float32Array.of(3)),
    };
    const metadata = { config: '{"layers":["a\\"b"]}', ['__proto__']: 'x' };
    const back = decodeSafetensors(encodeSafetensors(tensors, metadata));
    expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { data, shape, dtype }] of Object.entries(tensors)) {
      const found = Object.entries(back.tensors).find(([key]) => key === name)?.[1];
      expect([found?.shape, found?.dtype]).toEqual([shape, dtype]);
      expect(found?.data).toEqual(data);
    }
    expect(Object.entries(back.metadata)).toEqual(Object.entries(metadata));
  });

  it('writes aligned data without holes and the same bytes for the same tensors', () => {
    const tensors = { b: new NdArray(Uint8Array.of(1, 2, 3)), a: new NdArray(Float32Array.of(1)), c: new NdArray(Float64Array.of(2)) };
    const bytes = encodeSafetensors(tensors);
    const { text, start } = headerOf(bytes);
    expect(start % 8).toBe(0);
    expect(JSON.parse(text)).toEqual({
      c: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
      a: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
      b: { dtype: 'U8', shape: [3], data_offsets: [12, 15] },
    });
    expect(bytes.length).toBe(start + 15);
    expect(encodeSafetensors({ c: tensors.c, a: tensors.a, b: tensors.b })).toEqual(bytes);
  });

  it('reads tensors that are not aligned, and leaves the file alone', () => {
    const bytes = file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] }, b: { dtype: 'I16', shape: [2], data_offsets: [1, 5] } }, 5);
    const { tensors } = decodeSafetensors(Buffer.from(bytes));
    expect([tensors.a?.at(0), tensors.b?.at(0), tensors.b?.at(1)]).toEqual([0, 0x0201, 0x0403]);
    const source = encodeSafetensors({ a: new NdArray(Float32Array.of(1)) });
    const before = source.slice();
    decodeSafetensors(source).tensors.a?.set(0, 9);
    expect(source).toEqual(before);
  });

  it('widens F16 and BF16 to float32', () => {
    const read = (dtype: string, ...words: number[]) => {
      const bytes = file({ a: { dtype, shape: [words.length], data_offsets: [0, 2 * words.length] } }, 2 * words.length);
      for (const [i, word] of words.entries()) bytes.set([word & 255, word >> 8], bytes.length - 2 * words.length + 2 * i);
      const { a } = decodeSafetensors(bytes).tensors;
      return [a?.dtype, ...(a?.data ?? [])];
    };
    // Values from the definition of the format: largest, smallest normal, smallest subnormal, largest subnormal.
    expect(read('F16', 0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x8000, 0x7c00, 0xfc00, 0x7e00)).toEqual([
      ...['float32', 1, -2, 65504, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, -0, Infinity, -Infinity, Number.NaN],
    ]);
    expect(read('BF16', 0x3f80, 0xc000, 0x7f7f, 0x0080, 0xff80, 0x7fc0)).toEqual([
      ...['float32', 1, -2, (2 - 2 ** -7) * 2 ** 127, 2 ** -126, -Infinity, Number.NaN],
    ]);
  });

  it.each<[string, string]>([
    ['escaped quotes', JSON.stringify(Array.from({ length: 100_000 }, (_, i) => `layer "${i}" \\ name`))],
    ['backslashes', '\\'.repeat(2e7)],
    ['colons, braces and a quote', `{"a":1,"a":${'x'.repeat(2e7)}"`],
  ])('takes megabytes of metadata: %s', (_, config) => {
    expect(decodeSafetensors(encodeSafetensors({}, { config, other: ':' })).metadata.config === config).toBe(true);
  });

  const u8 = (start: number, end: number) => ({ dtype: 'U8', shape: [end - start], data_offsets: [start, end] });
  const whole = encodeSafetensors({ a: new NdArray(Float32Array.of(1, 2, 3)) });
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /has 0; it was truncated/],
    ['a cut header', whole.slice(0, 20), /only 12 follow; it was truncated or is not a safetensors file/],
    ['cut data', whole.slice(0, -1), /lies at bytes 0 to 12 of 11; the file was truncated or is corrupt/],
    ['appended bytes', Uint8Array.from([...whole, 0]), /end at byte 12, the data at 13; extra data were appended/],
    ['a header of 2^63 bytes', file({}, 0, { length: 2n ** 63n }), /claims a header of 9223372036854776000/],
    ['a header over 100 MB', file({}, 0, { length: 100_000_001n }), /at most 100000000 are allowed/],
    ['a header that is no JSON', file('{"a":'), /not JSON/],
    ['a header that is no UTF-8', Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]), /not JSON/],
    ['a header that is a list', file('[1]'), /must be a JSON object/],
    ['a header that starts with a space', file(' {}'), /starts with '\{'/],
    [
      'a tensor twice',
      file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      /'a' twice/,
    ],
    ['a key twice in a tensor', file('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1), /'dtype' twice/],
    ['an unknown dtype', file({ a: { ...u8(0, 1), dtype: 'F8_E4M3' } }, 1), /tensor 'a' has the dtype 'F8_E4M3'; known: F32/],
    ['a dtype named like a method', file({ a: { ...u8(0, 1), dtype: 'constructor' } }, 1), /has the dtype 'constructor'/],
    ['a negative length', file({ a: { ...u8(0, 1), shape: [-1] } }, 1), /has the shape \[-1\]/],
    ['a shape that is no list', file({ a: { ...u8(0, 1), shape: 1 } }, 1), /has the shape 1/],
    ['a shape that overflows', file({ a: { ...u8(0, 1), shape: [2 ** 40, 2 ** 40] } }, 1), /which exceeds the 2147483647 elements/],
    ['a shape of more bytes than given', file({ a: { ...u8(0, 1), shape: [2] } }, 1), /needs 2 bytes, its offsets hold 1/],
    ['offsets beyond the end', file({ a: u8(0, 4) }, 2), /0 to 4 of 2/],
    ['offsets that run backwards', file({ a: { dtype: 'U8', shape: [1], data_offsets: [1, 0] } }, 1), /bytes 1 to 0/],
    ['offsets that are no numbers', file({ a: { dtype: 'U8', shape: [1], data_offsets: ['0', '1'] } }, 1), /data_offsets \['0', '1'\]/],
    ['overlapping tensors', file({ a: u8(0, 2), b: u8(1, 3) }, 3), /'b' overlaps its neighbour at byte 1/],
    ['a hole', file({ a: u8(0, 1), b: u8(2, 3) }, 3), /bytes 1 to 2 before tensor 'b' belong to no tensor/],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), /metadata 'a' must be text, got 1/],
    ['metadata that is a list', file({ __metadata__: ['a'] }), /must be an object/],
    ['a file of Keras', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0), /a zip archive, such as Keras's .keras/],
    ['a file of HDF5', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10, 0), /an HDF5 file/],
    ['a tensor that is null', file({ a: null }), /must be described by an object, got null/],
  ])('refuses %s', (_, bytes, message) => {
    const decode = () => decodeSafetensors(bytes, 'model.safetensors');
    expect(decode).toThrow(FileError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(/^model\.safetensors: /);
  });

  it('meets any bytes with a result or a FileError', () => {
    const position = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(position, { maxLength: 4 }), fc.nat(whole.length), (changes, length) => {
        const bytes = whole.slice(0, length);
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FileError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses to write the reserved name and metadata that is no text', () => {
    expect(() => encodeSafetensors({ __metadata__: NdArray.zeros([1]) })).toThrow(ArgumentError);
    expect(() => encodeSafetensors({}, JSON.parse('{"epochs":3}'))).toThrow(/metadata 'epochs' must be text, got 3/);
  });

  const there = existsSync('../shared/models/safetensors-mnist');
  if (!there) console.info('skipped: files that PyTorch wrote (no ../shared/models)');
  it.skipIf(!there)('reads files that PyTorch wrote', () => {
    const mnist = decodeSafetensors(readFileSync('../shared/models/safetensors-mnist/mnist.safetensors')).tensors;
    const shapes = Object.fromEntries(Object.entries(mnist).map(([name, { shape }]) => [name, shape]));
    expect(shapes).toMatchObject({
      ...{ 'conv1.weight': [8, 1, 3, 3], 'conv2.weight': [16, 8, 3, 3], 'conv3.weight': [24, 16, 3, 3] },
      ...{ 'fc1.weight': [32, 11616], 'fc2.weight': [10, 32], 'norm1.num_batches_tracked': [] },
    });
    expect(mnist['norm1.num_batches_tracked']?.dtype).toBe('int64');
    for (const { dtype, data } of Object.values(mnist)) if (dtype === 'float32') expect(data.every((value) => Number.isFinite(value))).toBe(true);
    const small = decodeSafetensors(readFileSync('../shared/models/safetensors-multi-layer/multi_layer.safetensors')).tensors;
    expect([small['conv1.weight']?.shape, small['fc1.weight']?.shape]).toEqual([
      [4, 3, 3, 3],
      [16, 256],
    ]);
  });
});

describe('requireSafetensorsPath', () => {
  it.each(['x.png', 'a/model.json', 'net.onnx', 'C:\\nets\\net.h5', 'model.v2'])('refuses %s', (path) => {
    expect(() => requireSafetensorsPath(path)).toThrow(`name it '${path}.safetensors'`);
  });

  it.each(['model.safetensors', 'MODEL.SafeTensors', 'a.b/model', '/dev/stdout', '/dev/fd/63', '.hidden', 'run-0.5'])('lets %s through', (path) => {
    expect(() => requireSafetensorsPath(path)).not.toThrow();
  });
});
