import { countOf } from '../core/count.js';
import { type DType, dtypes, type TypedArray } from '../core/dtype.js';
import { FileError, show } from '../core/errors.js';
import { checkBytes } from '../core/expect.js';
import { widened } from '../core/half.js';
import { NdArray } from '../core/ndarray.js';
import { MAX_ELEMENTS, product, type StaticShape, showShape, sizeOf } from '../core/shape.js';
import { unzip } from './zip.js';

/** NumPy's letters for element types, without the byte order. */
const letters: { readonly [letter: string]: DType } = {
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  b1: 'bool',
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** NumPy's letters for float16, which is read as float32. */
const HALF = 'f2';

interface Header {
  readonly dtype: DType;
  readonly half: boolean;
  readonly swapped: boolean;
  readonly fortran: boolean;
  readonly shape: StaticShape;
  /** Where the elements begin. */
  readonly start: number;
}

function readHeader(bytes: Uint8Array, name: string): Header {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw new FileError(`${name}: not an npy file; it does not start with \\x93NUMPY`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) throw new FileError(`${name}: npy version ${version} is not supported; expected 1 to 3`, { received: version });
  const at = version === 1 ? 10 : 12;
  if (bytes.length < at) throw new FileError(`${name}: the file ends inside its header; it was truncated`);
  const start = at + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < start) throw new FileError(`${name}: the header needs ${start} bytes, the file has ${bytes.length}; it was truncated`);
  const text = new TextDecoder().decode(bytes.subarray(at, start));
  const [, descr] = /'descr':\s*'([^']+)'/.exec(text) ?? [];
  const [, fortran] = /'fortran_order':\s*(True|False)/.exec(text) ?? [];
  const [, lengths] = /'shape':\s*\(([\d\s,L]*)\)/.exec(text) ?? [];
  const letter = descr?.slice(1) ?? '';
  const half = letter === HALF;
  const dtype = half ? 'float32' : letters[letter];
  if (/'descr':/.test(text) && dtype === undefined) {
    const kind = /'descr':\s*([^,}]+)/.exec(text)?.[1]?.trim();
    throw new FileError(`${name}: elements of type ${kind} cannot be read; save the array as one of ${Object.values(letters).join(', ')}`, {
      received: kind,
    });
  }
  if (dtype === undefined || fortran === undefined || lengths === undefined) throw new FileError(`${name}: its header is corrupt: ${show(text)}`);
  const shape = [...lengths.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  return { dtype, half, swapped: descr?.startsWith('>') === true, fortran: fortran === 'True', shape, start };
}

/**
 * Reads an array from a file of NumPy (`numpy.save`): float32, float64, float16 (as float32), integers and booleans, of either byte order and either order of elements.
 * `name` stands for the file in messages.
 * @throws FileError for a file that is truncated, too long, corrupt, or of elements that are no numbers.
 */
export function readNpy(file: Uint8Array, name = 'npy file'): NdArray {
  const bytes = checkBytes('readNpy', file);
  const { dtype, half, swapped, fortran, shape, start } = readHeader(bytes, name);
  const elements = product(shape);
  if (!(elements <= MAX_ELEMENTS)) {
    throw new FileError(`${name}: the header claims shape ${showShape(shape)}, ${elements} elements; at most ${MAX_ELEMENTS} fit`);
  }
  const size = half ? 2 : dtypes[dtype].bytes;
  const received = bytes.length - start;
  if (received !== elements * size) {
    const cause = received < elements * size ? 'it was truncated' : 'the header is corrupt, or extra data were appended';
    throw new FileError(
      `${name}: shape ${showShape(shape)} of ${half ? 'float16' : dtype} needs ${countOf(elements * size, 'byte')} after the header, the file has ${received}; ${cause}`,
    );
  }
  const content = bytes.slice(start);
  if (swapped) for (let i = 0; i < content.length; i += size) content.subarray(i, i + size).reverse();
  const data = half ? widened(new Uint16Array(content.buffer), 'float16') : new dtypes[dtype].array(content.buffer);
  return new NdArray(fortran ? rowMajor(data, shape, dtype) : data, shape, dtype);
}

/** Elements that were kept with the first axis running fastest, in the order in which the last one does. */
function rowMajor(data: TypedArray, shape: StaticShape, dtype: DType): TypedArray {
  const result = dtypes[dtype].allocate(data.length);
  const steps = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  for (let to = 0; to < data.length; to++) {
    const from = index.reduce((sum, i, axis) => sum + i * (steps[axis] ?? 0), 0);
    result[to] = data[from] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (index[axis] !== 0) break;
    }
  }
  return result;
}

/**
 * Reads every array of a `numpy.savez` archive, by name. Unpacked, it may hold at most `maxBytes` (default 2 GiB); checksums are verified.
 * @throws FileError for a file that is no archive, corrupt or too large, and as `readNpy` does.
 */
export function readNpz(file: Uint8Array, name = 'npz file', maxBytes = 2 ** 31): Map<string, NdArray> {
  const bytes = checkBytes('readNpz', file);
  const files = unzip(bytes, '.npy', name, maxBytes);
  return new Map([...files].map(([entry, content]) => [entry.slice(0, -4), readNpy(content, `${name}: ${entry}`)]));
}

/** The bytes of an npy file that `numpy.load` reads: version 1, C order. */
export function writeNpy(array: NdArray): Uint8Array {
  const letter = Object.keys(letters).find((key) => letters[key] === array.dtype);
  const order = dtypes[array.dtype].bytes === 1 ? '|' : '<';
  const { shape } = array;
  const lengths = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${order}${letter}', 'fortran_order': False, 'shape': (${lengths}), }`;
  // Magic, version and length take 10 bytes; elements begin at a multiple of 64.
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const data = new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
  const bytes = new Uint8Array(10 + padded.length + data.length);
  bytes.set([...MAGIC, 1, 0, padded.length & 255, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(data, 10 + padded.length);
  return bytes;
}
