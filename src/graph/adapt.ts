import { EvenkeelError, show } from '../core/errors.js';
import { normalizeAxis } from '../core/shape.js';
import { type Attributes, type AttributeValue, constantInts, int64, type OpRecord, scalar, type Tensor } from './node.js';
import type { Attribute } from './onnx/model.js';

/** An operator's call as its record wants it. */
export interface Call {
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
}

/** What an attribute that a file leaves out means, where the record wants it written. */
const defaults: Readonly<Record<string, Attributes>> = {
  ArgMax: { axis: 0, keepdims: 1 },
  Gather: { axis: 0 },
  GatherElements: { axis: 0 },
  ScatterElements: { axis: 0, reduction: 'none' },
  ScatterND: { reduction: 'none' },
  Softmax: { axis: -1 },
  LogSoftmax: { axis: -1 },
  TopK: { axis: -1, largest: 1, sorted: 1 },
};

/** Attributes that records do not have, with the only value that means what the record does. */
const implied: Readonly<Record<string, AttributeValue>> = {
  allowzero: 0,
  auto_pad: 'NOTSET',
  broadcast: 1,
  ceil_mode: 0,
  detect_negative: 1,
  detect_positive: 1,
  mode: 'constant',
  noop_with_empty_axes: 0,
  saturate: 1,
  select_last_index: 0,
};

/** Operators whose attributes of older versions became inputs, in the order of the inputs after the first. */
const formerAttributes: Readonly<Record<string, readonly string[]>> = {
  Squeeze: ['axes'],
  Unsqueeze: ['axes'],
  ReduceSum: ['axes'],
  ReduceMean: ['axes'],
  ReduceMax: ['axes'],
  ReduceMin: ['axes'],
  ReduceLogSumExp: ['axes'],
  Slice: ['starts', 'ends', 'axes'],
  Reshape: ['shape'],
  Pad: ['pads'],
};

/** Since this version softmax works along one axis; before, over all axes from it on. */
const SOFTMAX_ALONG_AXIS = 13;

function plain(name: string, attribute: Attribute): AttributeValue {
  switch (attribute.kind) {
    case 'int':
      return Number(attribute.value);
    case 'ints':
      return attribute.value.map(Number);
    case 'float':
    case 'string':
      return attribute.value;
    default:
      throw new EvenkeelError(`attribute '${name}' holds ${attribute.kind}, expected a number, a string or a list of whole numbers`);
  }
}

/**
 * A call read from a file of operator set `opset` in the form of the newest one: defaults written out, axes counted from the front,
 * attributes that have become inputs as inputs.
 * @throws EvenkeelError if an attribute is unknown or means what the record cannot do.
 */
export function adapt(record: OpRecord, inputs: readonly Tensor[], given: Readonly<Record<string, Attribute>>, opset: number): Call {
  const attributes: Record<string, AttributeValue> = {};
  const moved = new Map<string, AttributeValue>();
  const former = formerAttributes[record.name] ?? [];
  for (const [key, attribute] of Object.entries(given)) {
    const value = plain(key, attribute);
    if (record.attributes && key in record.attributes) attributes[key] = value;
    else if (former.includes(key)) moved.set(key, value);
    else if (key === 'value' && record.name === 'Pad' && value === 0) continue;
    else if (implied[key] !== value)
      throw new EvenkeelError(`attribute '${key}' with value ${show(value)} is not supported`, { argument: key, received: value });
  }
  const complete = { ...defaultsOf(record, inputs, opset), ...attributes };
  const rank = inputs[0]?.rank ?? 0;
  if (typeof complete.axis === 'number') complete.axis = normalizeAxis(complete.axis, rank);
  if (record.name.endsWith('Softmax') && opset < SOFTMAX_ALONG_AXIS && complete.axis !== rank - 1) {
    throw new EvenkeelError(
      `a softmax over all axes from ${complete.axis} on (operator sets before ${SOFTMAX_ALONG_AXIS}) is not supported; rewrite it with a reshape`,
    );
  }
  return {
    inputs: [...everyAxis(record, inputs), ...former.flatMap((key) => (moved.has(key) ? [asInput(moved.get(key) as readonly number[])] : []))],
    attributes: complete,
  };
}

/** An attribute as an input. Files say "to the end" by the largest integer of 64 bits, which as a number is one more than that, and would wrap around. */
function asInput(values: readonly number[]): Tensor {
  return int64(values.map((value) => Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)));
}

/** Padding of some axes as padding of all. */
function everyAxis(record: OpRecord, inputs: readonly Tensor[]): readonly Tensor[] {
  const [x, pads, value, axes] = inputs;
  if (record.name !== 'Pad' || !x || !pads || !value || !axes) return inputs;
  const [lengths, named] = [constantInts(pads), constantInts(axes)];
  if (!lengths || !named) throw new EvenkeelError('the axes to pad must be constants');
  const all = new Array<number>(2 * x.rank).fill(0);
  named.forEach((axis, i) => {
    const at = normalizeAxis(axis, x.rank);
    [all[at], all[at + x.rank]] = [lengths[i] ?? 0, lengths[i + named.length] ?? 0];
  });
  return [x, int64(all), value];
}

function defaultsOf(record: OpRecord, inputs: readonly Tensor[], opset: number): Attributes {
  const rank = inputs[0]?.rank ?? 0;
  if (record.name === 'Transpose') return { perm: Array.from({ length: rank }, (_, i) => rank - 1 - i) };
  if (record.name.endsWith('Softmax') && opset < SOFTMAX_ALONG_AXIS) return { axis: 1 };
  return defaults[record.name] ?? {};
}

/** Inputs that a file leaves out in the middle: what stands for them. */
export function fillIn(record: OpRecord, inputs: readonly (Tensor | undefined)[]): Tensor[] {
  return inputs.map((tensor, i) => {
    if (tensor) return tensor;
    const starts = inputs[1] && constantInts(inputs[1]);
    if (record.name === 'Slice' && i === 3 && starts) return int64(starts.map((_, axis) => axis));
    if (record.name === 'Pad' && i === 2) return scalar(0, inputs[0]?.dtype);
    if (record.name === 'Loop' && i === 0) return scalar(Number.MAX_SAFE_INTEGER, 'int64');
    if (record.name === 'Loop' && i === 1) return scalar(1, 'bool');
    throw new EvenkeelError(`input ${i} is left out, which ${record.name} does not support`);
  });
}
