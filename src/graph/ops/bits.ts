import { applyOne, notDifferentiable, type OpRecord, type Tensor } from '../node.js';
import { inferBinary, type Operand, pair } from './arithmetic.js';

const bitwise = (name: string, evaluate: (a: number, b: number) => number, attributes?: OpRecord['attributes']): OpRecord => ({
  name,
  ...(attributes ? { attributes } : {}),
  infer: (inputs) => inferBinary(inputs),
  gradient: notDifferentiable('bits have no slope'),
  evaluate: ([a = 0, b = 0]) => evaluate(a, b) >>> 0,
});

const BitwiseXor = bitwise('BitwiseXor', (a, b) => a ^ b);
const BitwiseAnd = bitwise('BitwiseAnd', (a, b) => a & b);
const BitwiseOr = bitwise('BitwiseOr', (a, b) => a | b);
const BitShift: OpRecord = {
  ...bitwise('BitShift', () => 0, { direction: 'string' }),
  evaluate: ([a = 0, b = 0], { direction }) => (direction === 'LEFT' ? a << b : a >>> b) >>> 0,
};

/** Bits that differ; whole numbers without sign. */
export function xorBits(a: Operand, b: Operand): Tensor {
  return applyOne(BitwiseXor, pair(a, b));
}

/** Bits shifted towards the low end, zeros coming in. */
export function shiftRight(a: Operand, places: Operand): Tensor {
  return applyOne(BitShift, pair(a, places), { direction: 'RIGHT' });
}

export const bitsRecords = { BitwiseXor, BitwiseAnd, BitwiseOr, BitShift };
