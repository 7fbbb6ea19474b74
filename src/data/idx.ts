import { countOf } from '../core/count.js';
import { type DType, dtypes, type TypedArray } from '../core/dtype.js';
import { FileError } from '../core/errors.js';
import { checkBytes } from '../core/expect.js';
import { NdArray } from '../core/ndarray.js';
import { MAX_ELEMENTS, product, showShape } from '../core/shape.js';
import { gunzip, isGzip } from './gzip.js';

/** The third byte of an idx file names the type of its elements. */
const idxTypes: { readonly [code: number]: DType } = { 8: 'uint8', 9: 'int8', 11: 'int16', 12: 'int32', 13: 'float32', 14: 'float64' };

/** Elements of an idx file are big-endian; typed arrays are little-endian. */
function fromBigEndian(bytes: Uint8Array, dtype: DType): TypedArray {
  const size = dtypes[dtype].bytes;
  // A view, not a copy, where no byte has to move: image sets are large.
  if (size === 1) return new dtypes[dtype].array(bytes.buffer, bytes.byteOffset, bytes.length);
  const swapped = bytes.slice();
  for (let start = 0; start < swapped.length; start += size) swapped.subarray(start, start + size).reverse();
  return new dtypes[dtype].array(swapped.buffer);
}

/**
 * Reads an array from an idx file, the format of MNIST (LeCun, Cortes and Burges), plain or gzipped.
 * One-byte types of a plain file share its memory. `name` stands for the file in messages.
 * @throws FileError for a file that is truncated, too long, corrupt or of another kind.
 */
export function readIdx(file: Uint8Array, name = 'idx file'): NdArray {
  const bytes = checkBytes('readIdx', file);
  const content = isGzip(bytes) ? gunzip(bytes, name) : bytes;
  if (content.length < 4)
    throw new FileError(`${name}: an idx file has a header of at least 4 bytes, this one has ${content.length} bytes; it was truncated`);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const dtype = idxTypes[view.getUint8(2)];
  if (view.getUint16(0) !== 0 || dtype === undefined) {
    const magic = [...content.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new FileError(`${name}: not an idx file; it starts with ${magic}, expected 00 00, a type code (08, 09, 0b to 0e) and the number of axes`);
  }
  const rank = view.getUint8(3);
  const start = 4 + 4 * rank;
  if (content.length < start) {
    throw new FileError(
      `${name}: the header of ${countOf(rank, 'axis', 'axes')} needs ${start} bytes, the file has ${content.length}; it was truncated`,
    );
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const elements = product(shape);
  if (!(elements <= MAX_ELEMENTS)) {
    throw new FileError(
      `${name}: the header claims shape ${showShape(shape)}, ${elements} elements; at most ${MAX_ELEMENTS} fit. The header is corrupt.`,
    );
  }
  const expected = elements * dtypes[dtype].bytes;
  const received = content.length - start;
  if (received !== expected) {
    const cause = received < expected ? 'it was truncated' : 'the header is corrupt, or extra data were appended';
    throw new FileError(
      `${name}: shape ${showShape(shape)} of ${dtype} needs ${expected} bytes after the header, the file has ${received}; ${cause}`,
    );
  }
  return new NdArray(fromBigEndian(content.subarray(start), dtype), shape, dtype);
}
