import { countOf } from '../core/count.js';
import { type DType, dtypes } from '../core/dtype.js';
import { ArgumentError, FileError, show } from '../core/errors.js';
import { isRecord, refuse } from '../core/expect.js';
import { type HalfFloat, widened } from '../core/half.js';
import { NdArray } from '../core/ndarray.js';
import { MAX_ELEMENTS, product, showShape } from '../core/shape.js';
import { repeatedKey } from './json-keys.js';

const METADATA = '__metadata__';
const MAX_HEADER = 100_000_000;
const ALIGNMENT = 8;

const codes: { readonly [D in DType]: string } = {
  float32: 'F32',
  float64: 'F64',
  int8: 'I8',
  uint8: 'U8',
  int16: 'I16',
  uint16: 'U16',
  int32: 'I32',
  uint32: 'U32',
  int64: 'I64',
  uint64: 'U64',
  bool: 'BOOL',
};

/** How the elements of each code become an array. */
interface Decoder {
  readonly bytes: number;
  readonly dtype: DType;
  readonly half?: HalfFloat;
}

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ...(Object.keys(codes) as DType[]).map((dtype): [string, Decoder] => [codes[dtype], { bytes: dtypes[dtype].bytes, dtype }]),
  ['F16', { bytes: 2, dtype: 'float32', half: 'float16' }],
  ['BF16', { bytes: 2, dtype: 'float32', half: 'bfloat16' }],
]);

/**
 * Packs named arrays and string metadata into one `.safetensors` file (Hugging Face, 2022): 8 bytes header length, JSON, data.
 * Larger element types come first and the header is padded to 8 bytes, so that every tensor is aligned.
 * @throws ArgumentError for the reserved name `__metadata__`, metadata that is not text, or a header over 100 MB.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NdArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(tensors).sort(([a, left], [b, right]) => dtypes[right.dtype].bytes - dtypes[left.dtype].bytes || (a < b ? -1 : 1));
  const header: [string, unknown][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new ArgumentError(`metadata '${key}' must be text, got ${show(value)}; turn it into JSON first`, {
        argument: 'metadata',
        received: value,
      });
    }
  }
  if (Object.keys(metadata).length > 0) header.push([METADATA, metadata]);
  let end = 0;
  for (const [name, { data, dtype, shape }] of entries) {
    if (name === METADATA)
      throw new ArgumentError(`a tensor cannot be named ${METADATA}; the file format reserves that name`, { argument: 'tensors' });
    const start = end;
    end += data.byteLength;
    header.push([name, { dtype: codes[dtype], shape, data_offsets: [start, end] }]);
  }
  // fromEntries defines each key, where an assignment to `__proto__` would not.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  if (length > MAX_HEADER) throw new ArgumentError(`names and metadata take ${length} bytes; a safetensors header holds ${MAX_HEADER} at most`);
  const file = new Uint8Array(8 + length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(json, 8);
  file.fill(0x20, 8 + json.length, 8 + length);
  let offset = 8 + length;
  for (const [, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

interface Entry {
  readonly name: string;
  readonly decoder: Decoder;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** First bytes of formats that people keep models in. */
const foreign: readonly { readonly magic: readonly number[]; readonly says: string }[] = [
  { magic: [0x50, 0x4b, 0x03, 0x04], says: "a zip archive, such as Keras's .keras and PyTorch's .pt" },
  { magic: [0x89, 0x48, 0x44, 0x46], says: "an HDF5 file, such as Keras's .h5" },
  { magic: [0x80, 0x02], says: "a Python pickle, such as PyTorch's older .pt" },
];

/** @throws FileError if the bytes are known to be of another format. */
function refuseForeign(bytes: Uint8Array, file: string): void {
  const other = foreign.find(({ magic }) => magic.every((byte, i) => bytes[i] === byte));
  if (!other || bytes[8] === '{'.charCodeAt(0)) return;
  throw new FileError(`${file}: this is ${other.says}, not a safetensors file; save the weights as safetensors there first`);
}

function parseHeader(bytes: Uint8Array, file: string): { header: Readonly<Record<string, unknown>>; dataStart: number } {
  if (bytes.length < 8) throw new FileError(`${file}: a safetensors file has at least 8 bytes, this one has ${bytes.length}; it was truncated`);
  refuseForeign(bytes, file);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER) {
    throw new FileError(`${file}: claims a header of ${length} bytes, at most ${MAX_HEADER} are allowed; it is corrupt or not a safetensors file`);
  }
  if (8 + length > bytes.length) {
    throw new FileError(
      `${file}: claims a header of ${length} bytes, but only ${bytes.length - 8} follow; it was truncated or is not a safetensors file`,
    );
  }
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, 8 + length));
    header = JSON.parse(text);
  } catch (cause) {
    throw new FileError(`${file}: the header is not JSON; it is corrupt or not a safetensors file`, {}, { cause });
  }
  if (!isRecord(header) || text[0] !== '{') throw new FileError(`${file}: the header must be a JSON object that starts with '{'`);
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new FileError(`${file}: the header has the key ${show(repeated)} twice`);
  return { header, dataStart: 8 + length };
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw new FileError(`${file}: ${METADATA} must be an object, got ${show(value)}`);
  return Object.fromEntries(
    Object.entries(value).map(([key, text]): [string, string] => {
      if (typeof text !== 'string') throw new FileError(`${file}: metadata ${show(key)} must be text, got ${show(text)}`);
      return [key, text];
    }),
  );
}

/** Checks one entry of the header; nothing is allocated for it yet. */
function parseEntry(name: string, value: unknown, available: number, file: string): Entry {
  const where = `${file}: tensor ${show(name)}`;
  if (!isRecord(value)) throw new FileError(`${where} must be described by an object, got ${show(value)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  const decoder = typeof dtype === 'string' ? decoders.get(dtype) : undefined;
  if (!decoder) throw new FileError(`${where} has the dtype ${show(dtype)}; known: ${[...decoders.keys()].join(', ')}`);
  if (!Array.isArray(shape) || !shape.every(isWhole)) throw new FileError(`${where} has the shape ${show(shape)}; expected whole numbers ≥ 0`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isWhole)) {
    throw new FileError(`${where} has the data_offsets ${show(offsets)}; expected [start, end]`);
  }
  const [start = 0, end = 0] = offsets;
  if (start > end || end > available) {
    throw new FileError(`${where} lies at bytes ${start} to ${end} of ${available}; the file was truncated or is corrupt`);
  }
  const elements = product(shape);
  if (!(elements <= MAX_ELEMENTS))
    throw new FileError(`${where} has shape ${showShape(shape)}, which exceeds the ${MAX_ELEMENTS} elements an array can hold`);
  if (elements * decoder.bytes !== end - start) {
    throw new FileError(
      `${where} of shape ${showShape(shape)} and dtype ${dtype} needs ${countOf(elements * decoder.bytes, 'byte')}, its offsets hold ${end - start}`,
    );
  }
  return { name, decoder, shape, start, end };
}

/** Tensors must cover the data once and wholly, so that no byte is hidden or means two things. */
function checkCover(entries: readonly Entry[], available: number, file: string): void {
  let covered = 0;
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < covered) throw new FileError(`${file}: tensor ${show(name)} overlaps its neighbour at byte ${start}`);
    if (start > covered) throw new FileError(`${file}: bytes ${covered} to ${start} before tensor ${show(name)} belong to no tensor`);
    covered = end;
  }
  if (covered !== available) throw new FileError(`${file}: the tensors end at byte ${covered}, the data at ${available}; extra data were appended`);
}

/** Copied, because a file may place a tensor at any byte and an array needs it aligned. */
function decodeEntry({ decoder, shape, start, end }: Entry, data: Uint8Array): NdArray {
  const copy = data.slice(start, end).buffer;
  const { dtype, half } = decoder;
  return new NdArray(half ? widened(new Uint16Array(copy), half) : new dtypes[dtype].array(copy), shape, dtype);
}

/**
 * Unpacks a `.safetensors` file; every tensor gets memory of its own. F16 and BF16 become float32, which holds all their values.
 * `name` stands for the file in messages.
 * @throws FileError if the file is truncated, corrupt or breaks a rule of the format.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  name = 'safetensors file',
): { tensors: Record<string, NdArray>; metadata: Record<string, string> } {
  const { header, dataStart } = parseHeader(bytes, name);
  // A Buffer's slice shares memory; a plain view's copies.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart, bytes.length - dataStart);
  const metadata = parseMetadata(Object.hasOwn(header, METADATA) ? header[METADATA] : undefined, name);
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, value]) => parseEntry(key, value, data.length, name));
  checkCover(entries, data.length, name);
  return { tensors: Object.fromEntries(entries.map((entry) => [entry.name, decodeEntry(entry, data)])), metadata };
}

/** @throws ArgumentError if a path ends like another kind of file; one without an ending may be a pipe or a device. */
export function requireSafetensorsPath(path: string): void {
  if (typeof path !== 'string') refuse('save', 'path', "the path of a file, such as 'model.safetensors'", path);
  const [, ending] = /[^/\\](\.[a-z][^./\\]*)$/i.exec(path) ?? [];
  if (ending === undefined || ending.toLowerCase() === '.safetensors') return;
  // Appended, since what stands after a dot may tell names apart: model.v1, model.v2.
  throw new ArgumentError(
    `models are saved as .safetensors, but ${show(path)} has the ending of another kind of file; name it ${show(`${path}.safetensors`)}`,
    { argument: 'path', received: path, expected: '.safetensors' },
  );
}
