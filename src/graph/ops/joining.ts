import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Dim, normalizeAxis, type Shape, showShape } from '../../core/shape.js';
import { type Attributes, apply, applyOne, constantInts, first, int64, makeNode, type OpRecord, type Tensor } from '../node.js';
import { zerosLike } from './indexing.js';
import { cast, like, reshape, unsqueeze } from './movement.js';

/** Tensors joined, cut and padded along an axis: each is part of another's gradient. */

const Concat: OpRecord = {
  name: 'Concat',
  attributes: { axis: 'int' },
  infer: (inputs, attributes) => {
    const head = inputs[0] as Tensor;
    const axis = attributes.axis as number;
    const dims = inputs.map((x) => x.shape[axis] as Dim);
    for (const x of inputs) {
      if (x.dtype !== head.dtype) throw new ShapeError(`cannot concatenate ${head.dtype} and ${x.dtype}; cast one of them`);
      if (x.rank !== head.rank || x.shape.some((dim, i) => i !== axis && dim !== head.shape[i])) {
        throw new ShapeError(`cannot concatenate ${inputs.map((one) => showShape(one.shape)).join(', ')} along axis ${axis}: the other axes differ`);
      }
    }
    const total: Dim = dims.every((dim) => typeof dim === 'number') ? dims.reduce<number>((a, b) => a + Number(b), 0) : dims.join('+');
    return like(
      head,
      head.shape.map((dim, i) => (i === axis ? total : dim)),
    );
  },
  gradient: ({ inputs, attributes, dy }) => {
    const axis = attributes.axis as number;
    const lengths = inputs.map((x) => {
      const length = x.shape[axis];
      if (typeof length === 'number') return length;
      throw new ShapeError(`the gradient of Concat needs the lengths of axis ${axis} known, got ${showShape(x.shape)}`);
    });
    return split(dy, { axis, lengths });
  },
};

/** Joins tensors along an axis. @throws ShapeError if other axes differ. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const head = tensors[0];
  if (!head) throw new ArgumentError('concat needs at least one tensor');
  if (tensors.length === 1) return head;
  return applyOne(Concat, tensors, { axis: normalizeAxis(axis, head.rank) });
}

/** Lengths of the pieces: given, or as equal as can be, the last the shortest. */
function pieceLengths([x, lengths]: readonly Tensor[], attributes: Attributes): readonly number[] {
  const given = lengths && constantInts(lengths);
  if (lengths && !given) throw new ShapeError('Split needs lengths that are constants');
  if (given) return given;
  const count = attributes.num_outputs as number | undefined;
  const total = (x as Tensor).shape[normalizeAxis((attributes.axis as number | undefined) ?? 0, (x as Tensor).rank)];
  if (count === undefined || typeof total !== 'number') {
    throw new ShapeError(`Split needs the lengths of its pieces, or their number and the length of the axis; got ${showShape((x as Tensor).shape)}`);
  }
  const length = Math.ceil(total / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(length, total - i * length)));
}

const Split: OpRecord = {
  name: 'Split',
  attributes: { axis: 'int', num_outputs: 'int' },
  infer: (inputs, attributes) => {
    const x = inputs[0] as Tensor;
    const axis = normalizeAxis((attributes.axis as number | undefined) ?? 0, x.rank);
    const lengths = pieceLengths(inputs, attributes);
    const total = lengths.reduce((a, b) => a + b, 0);
    if (typeof x.shape[axis] === 'number' && x.shape[axis] !== total) {
      throw new ShapeError(`cannot split axis ${axis} of ${showShape(x.shape)} into ${lengths.join(' + ')} = ${total}`);
    }
    return lengths.flatMap((length) =>
      like(
        x,
        x.shape.map((dim, i) => (i === axis ? length : dim)),
      ),
    );
  },
  gradient: ({ inputs: [x], outputs, attributes, dys }) => {
    const axis = normalizeAxis((attributes.axis as number | undefined) ?? 0, (x as Tensor).rank);
    return [
      concat(
        outputs.map((piece, i) => dys[i] ?? zerosLike(piece)),
        axis,
      ),
    ];
  },
};

/** Pieces of the given lengths along an axis, in order. @throws ShapeError if the lengths do not add up to the axis's. */
export function split(x: Tensor, { axis, lengths }: { readonly axis: number; readonly lengths: readonly number[] }): Tensor[] {
  if (lengths.length === 1 && x.shape[normalizeAxis(axis, x.rank)] === lengths[0]) return [x];
  return apply(Split, [x, int64(lengths)], { axis: normalizeAxis(axis, x.rank) }).outputs;
}

interface Span {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** What a `Slice` takes of each axis it names; with starts and ends counted from the front where the length is known. */
function spansOf([x, starts, ends, axes, steps]: readonly Tensor[]): Span[] {
  const source = x as Tensor;
  const ints = (tensor: Tensor | undefined): readonly number[] | undefined => tensor && constantInts(tensor);
  const [from, to] = [ints(starts), ints(ends)];
  if (!from || !to) throw new ShapeError('Slice needs starts and ends that are constants');
  const over = ints(axes) ?? from.map((_, i) => i);
  const strides = ints(steps) ?? from.map(() => 1);
  return from.map((first, i) => {
    const axis = normalizeAxis(over[i] ?? i, source.rank);
    const [last, step] = [to[i] ?? 0, strides[i] ?? 1];
    const dim = source.shape[axis];
    if (typeof dim !== 'number') return { axis, start: first, end: last, step };
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const inside = (at: number): number => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    return { axis, start: inside(first), end: inside(last), step };
  });
}

/** Starts and ends from here on mean "to the end" in any file. */
const FAR = 2 ** 31 - 1;

function sliced(dim: Dim, { start, end, step }: Span): Dim {
  if (typeof dim === 'number') return Math.max(0, Math.ceil((end - start) / step));
  return start === 0 && end >= FAR && step === 1 ? dim : `${dim}[${start}:${end}${step === 1 ? '' : `:${step}`}]`;
}

const Slice: OpRecord = {
  name: 'Slice',
  infer: (inputs) => {
    const x = inputs[0] as Tensor;
    const shape = [...x.shape];
    for (const span of spansOf(inputs)) shape[span.axis] = sliced(shape[span.axis] as Dim, span);
    return like(x, shape);
  },
  gradient: ({ inputs, dy }) => [
    spansOf(inputs).reduce((result, { axis, start, step }) => {
      const dim = (inputs[0] as Tensor).shape[axis];
      if (dim === result.shape[axis] && step === 1) return result;
      if (typeof dim !== 'number') throw new ShapeError(`the gradient of Slice needs a known length, got ${dim} on axis ${axis}`);
      const taken = Number(result.shape[axis]);
      const spread = spreadOut(step < 0 ? flip(result, axis) : result, axis, Math.abs(step));
      const before = step < 0 && taken > 0 ? start + (taken - 1) * step : Math.min(start, dim);
      // The last step may reach beyond the end: what lies there are zeros of `spread`.
      return pad(spread, { axis, before, after: dim - before - Number(spread.shape[axis]) });
    }, dy),
  ],
};

/** `step` − 1 zeros after every element along an axis. */
export function spreadOut(x: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return x;
  const wide = pad(unsqueeze(x, [axis + 1]), { axis: axis + 1, before: 0, after: step - 1 });
  const length = Number(x.shape[axis]) * step;
  return reshape(
    wide,
    x.shape.map((dim, i) => (i === axis ? length : dim)),
  );
}

/** Elements `start` (inclusive) to `end` (exclusive) of one axis. */
export function slice(x: Tensor, { axis, start, end, step = 1 }: { axis: number; start: number; end: number; step?: number }): Tensor {
  const at = normalizeAxis(axis, x.rank);
  if (start === 0 && end === x.shape[at] && step === 1) return x;
  const inputs = [x, int64([start]), int64([end]), int64([at])];
  return applyOne(Slice, step === 1 ? inputs : [...inputs, int64([step])]);
}

/** Elements of one axis from the last to the first. */
export function flip(x: Tensor, axis: number): Tensor {
  return x.shape[axis] === 1 ? x : slice(x, { axis, start: -1, end: -FAR - 1, step: -1 });
}

function padsOf(pads: Tensor | undefined): readonly number[] {
  const lengths = pads && constantInts(pads);
  if (!lengths) throw new ShapeError('Pad needs lengths that are constants');
  return lengths;
}

const Pad: OpRecord = {
  name: 'Pad',
  infer: ([x, pads]) => {
    const lengths = padsOf(pads);
    const source = x as Tensor;
    return like(
      source,
      source.shape.map((dim, i) => {
        const extra = (lengths[i] ?? 0) + (lengths[i + source.rank] ?? 0);
        return typeof dim === 'number' ? dim + extra : extra === 0 ? dim : `${dim}+${extra}`;
      }),
    );
  },
  // Negative lengths cut.
  gradient: ({ inputs: [x, pads], dy }) => [
    makePad(
      dy,
      padsOf(pads).map((length) => (length === 0 ? 0 : -length)),
      (x as Tensor).shape,
    ),
  ],
};

function makePad(x: Tensor, pads: readonly number[], shape: Shape): Tensor {
  return first(makeNode(Pad, [x, int64(pads)], {}, like(x, shape)));
}

/** Zeros before and after along one axis. */
export function pad(x: Tensor, { axis, before, after }: { axis: number; before: number; after: number }): Tensor {
  if (before === 0 && after === 0) return x;
  // ONNX Runtime pads no whole numbers of 16 bits.
  if (x.dtype === 'int16' || x.dtype === 'uint16') return cast(pad(cast(x, 'int32'), { axis, before, after }), x.dtype);
  const at = normalizeAxis(axis, x.rank);
  const pads = new Array<number>(2 * x.rank).fill(0);
  pads[at] = before;
  pads[at + x.rank] = after;
  return applyOne(Pad, [x, int64(pads)]);
}

export const joiningRecords = { Concat, Split, Slice, Pad };
