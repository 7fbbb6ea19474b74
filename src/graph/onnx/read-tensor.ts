import { countOf } from '../../core/count.js';
import { dtypes, isLong, type TypedArray } from '../../core/dtype.js';
import { widened } from '../../core/half.js';
import { NdArray } from '../../core/ndarray.js';
import { type StaticShape, showShape, sizeOf } from '../../core/shape.js';
import { BFLOAT16, dtypeOfElementType, ENTRY, elementTypes, foreignElementTypes, HALF, TENSOR } from './schema.js';
import type { WireReader } from './wire-reader.js';

/**
 * The tensor in the reader's current field, in memory of its own. Float16 and bfloat16 become float32.
 * @throws FileError if elements and shape disagree (before anything is allocated), stand in another file, or have no dtype here.
 */
export function readTensor(wire: WireReader): { name: string; array: NdArray } {
  let name = '';
  let element = 0;
  let raw: Uint8Array | undefined;
  let external = false;
  let location = '';
  const dims: (number | bigint)[] = [];
  const floats: number[] = [];
  const doubles: number[] = [];
  const ints: (number | bigint)[] = [];
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.field === TENSOR.raw) raw = wire.readBytes();
    else if (wire.field === TENSOR.name) name = wire.readString();
    else if (wire.field === TENSOR.element) element = Number(wire.readInt());
    else if (wire.field === TENSOR.dims) wire.readInts(dims);
    else if (wire.field === TENSOR.floats) wire.readFloats(floats);
    else if (wire.field === TENSOR.doubles) wire.readDoubles(doubles);
    else if (wire.field === TENSOR.int32s || wire.field === TENSOR.int64s || wire.field === TENSOR.uint64s) wire.readInts(ints);
    else if (wire.field === TENSOR.location) external = wire.readInt() === 1;
    else if (wire.field === TENSOR.external) location = readLocation(wire) ?? location;
    else wire.skip();
  }
  wire.leave(outer);

  const title = `tensor '${name}'`;
  if (external) {
    throw wire.error(
      `${title} stores its elements in another file (${location ? `'${location}'` : 'unnamed'})`,
      'Save the model as one file: onnx.save_model(model, path, save_as_external_data=False).',
    );
  }
  const dtype = dtypeOfElementType(element);
  if (!dtype)
    throw wire.error(`${title} has ${nameElementType(element)} elements`, `Known: ${Object.keys(dtypes).join(', ')}, float16 and bfloat16.`);
  const shape = dims.map(Number);
  const halfWidth = element === HALF || element === BFLOAT16;
  const bytesEach = halfWidth ? 2 : dtypes[dtype].bytes;
  const listed = element === elementTypes.float32 ? floats : element === elementTypes.float64 ? doubles : ints;
  const received = raw ? raw.length / bytesEach : listed.length;
  const size = checkedSize(shape);
  if (size !== received) throw wire.corrupt(`${title} of shape ${showShape(shape)} with ${countOf(received, 'element')}`);

  let data: TypedArray;
  if (halfWidth) {
    const bits = raw ? new Uint16Array(raw.slice().buffer) : Uint16Array.from(ints, Number);
    data = widened(bits, element === HALF ? 'float16' : 'bfloat16');
  } else if (raw) {
    data = new dtypes[dtype].array(raw.slice().buffer);
  } else {
    data = dtypes[dtype].allocate(size);
    if (isLong(data)) for (let i = 0; i < size; i++) data[i] = BigInt(listed[i] ?? 0);
    else for (let i = 0; i < size; i++) data[i] = Number(listed[i]);
  }
  return { name, array: new NdArray(data, shape, dtype) };
}

/** What an element type is called in messages. */
export function nameElementType(element: number): string {
  return foreignElementTypes[element] ?? (element === 0 ? 'undefined' : `unknown (code ${element})`);
}

/** NaN, which equals no count of elements, for what is no shape. */
function checkedSize(shape: StaticShape): number {
  try {
    return sizeOf(shape);
  } catch {
    return Number.NaN;
  }
}

function readLocation(wire: WireReader): string | undefined {
  const entry = readEntry(wire);
  return entry[0] === 'location' ? entry[1] : undefined;
}

/** A key and its value (`StringStringEntryProto`). */
export function readEntry(wire: WireReader): [key: string, value: string] {
  let key = '';
  let value = '';
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.field === ENTRY.key) key = wire.readString();
    else if (wire.field === ENTRY.value) value = wire.readString();
    else wire.skip();
  }
  wire.leave(outer);
  return [key, value];
}
