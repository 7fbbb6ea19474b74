import type { DType } from '../../core/dtype.js';
import { ShapeError } from '../../core/errors.js';
import { broadcastShapes } from '../../core/shape.js';
import { applyOne, type GradientContext, notDifferentiable, type OpRecord, refuseOperand, scalar, scalarValue, Tensor } from '../node.js';
import { cast, sumTo } from './movement.js';

/** A tensor, or a number that takes the dtype of the other operand. */
export type Operand = Tensor | number;

/** @throws ArgumentError if one is neither. */
export function pair(a: Operand, b: Operand, owner = 'an operator'): [Tensor, Tensor] {
  for (const one of [a, b]) if (typeof one !== 'number' && !(one instanceof Tensor)) refuseOperand(owner, one);
  if (a instanceof Tensor) return [a, b instanceof Tensor ? b : scalar(b, a.dtype)];
  if (b instanceof Tensor) return [scalar(a, b.dtype), b];
  return [scalar(a), scalar(b)];
}

export function inferBinary([a, b]: readonly Tensor[], dtype?: DType) {
  const [left, right] = [a as Tensor, b as Tensor];
  if (left.dtype !== right.dtype) throw new ShapeError(`operands have dtypes ${left.dtype} and ${right.dtype}; cast one of them`);
  return [{ dtype: dtype ?? left.dtype, shape: broadcastShapes(left.shape, right.shape) }];
}

type Both = (context: { a: Tensor; b: Tensor; y: Tensor; dy: Tensor }) => readonly [() => Tensor, () => Tensor];

/** Each side's gradient is made only where it is wanted, and summed over the axes that were broadcast. */
function both(rule: Both) {
  return ({ inputs, outputs, dy, wanted }: GradientContext) => {
    const [a, b] = [inputs[0] as Tensor, inputs[1] as Tensor];
    return rule({ a, b, y: outputs[0] as Tensor, dy }).map((side, i) => (wanted(i) ? sumTo(side(), i === 0 ? a : b) : undefined));
  };
}

const binary = (name: string, evaluate: (a: number, b: number) => number, rule: Both): OpRecord => ({
  name,
  infer: (inputs) => inferBinary(inputs),
  gradient: both(rule),
  evaluate: ([a = 0, b = 0]) => evaluate(a, b),
});

const Add = binary(
  'Add',
  (a, b) => a + b,
  ({ dy }) => [() => dy, () => dy],
);
const Sub = binary(
  'Sub',
  (a, b) => a - b,
  ({ dy }) => [() => dy, () => neg(dy)],
);
const Mul = binary(
  'Mul',
  (a, b) => a * b,
  ({ a, b, dy }) => [() => mul(dy, b), () => mul(dy, a)],
);
const Div = binary(
  'Div',
  (a, b) => a / b,
  ({ b, y, dy }) => [() => div(dy, b), () => neg(mul(dy, div(y, b)))],
);
const Pow = binary(
  'Pow',
  (a, b) => a ** b,
  ({ a, b, y, dy }) => {
    // a^0 has slope 0 even at a = 0, where a^(0 − 1) is infinite.
    const lower = scalarValue(b) === undefined ? where(equal(b, 0), 1, sub(b, 1)) : sub(b, 1);
    return [
      () => (scalarValue(b) === 0 ? mul(dy, 0) : mul(dy, mul(b, pow(a, lower)))),
      // 0^b is 0 for b > 0, with slope 0 in b; log 0 would make it NaN.
      () => mul(dy, where(greater(a, 0), mul(y, log(where(greater(a, 0), a, 1))), 0)),
    ];
  },
);
const Max = binary('Max', Math.max, ({ a, b, dy }) => [() => where(greaterOrEqual(a, b), dy, 0), () => where(less(a, b), dy, 0)]);
const Min = binary('Min', Math.min, ({ a, b, dy }) => [() => where(lessOrEqual(a, b), dy, 0), () => where(greater(a, b), dy, 0)]);
const Mod: OpRecord = {
  name: 'Mod',
  attributes: { fmod: 'int' },
  infer: (inputs) => inferBinary(inputs),
  gradient: notDifferentiable('a remainder jumps'),
  evaluate: ([a = 0, b = 0], { fmod = 0 }) => (fmod ? a % b : a - b * Math.floor(a / b)),
};

const binaryOp =
  (record: OpRecord) =>
  (a: Operand, b: Operand): Tensor =>
    applyOne(record, pair(a, b, record.name));

export const add = binaryOp(Add);
export const sub = binaryOp(Sub);
export const mul = binaryOp(Mul);
export const div = binaryOp(Div);
export const pow = binaryOp(Pow);
/** The larger of two; at a tie the gradient goes to the first. */
export const max = binaryOp(Max);
/** The smaller of two; at a tie the gradient goes to the first. */
export const min = binaryOp(Min);

/** Remainder with the sign of the divisor (floats: of the dividend). */
export function mod(a: Operand, b: Operand): Tensor {
  const [left, right] = pair(a, b);
  return applyOne(Mod, [left, right], { fmod: left.dtype.startsWith('float') ? 1 : 0 });
}

const compare = (name: string, evaluate: (a: number, b: number) => boolean): OpRecord => ({
  name,
  infer: (inputs) => inferBinary(inputs, 'bool'),
  gradient: notDifferentiable('a comparison is constant wherever it is smooth'),
  evaluate: ([a = 0, b = 0]) => Number(evaluate(a, b)),
});

const Greater = compare('Greater', (a, b) => a > b);
const GreaterOrEqual = compare('GreaterOrEqual', (a, b) => a >= b);
const Less = compare('Less', (a, b) => a < b);
const LessOrEqual = compare('LessOrEqual', (a, b) => a <= b);
const Equal = compare('Equal', (a, b) => a === b);
const And = compare('And', (a, b) => a !== 0 && b !== 0);
const Or = compare('Or', (a, b) => a !== 0 || b !== 0);
const Xor = compare('Xor', (a, b) => (a !== 0) !== (b !== 0));

export const greater = binaryOp(Greater);
export const greaterOrEqual = binaryOp(GreaterOrEqual);
export const less = binaryOp(Less);
export const lessOrEqual = binaryOp(LessOrEqual);
export const equal = binaryOp(Equal);
export const and = binaryOp(And);
export const or = binaryOp(Or);
export const xor = binaryOp(Xor);

const Not: OpRecord = {
  name: 'Not',
  infer: ([x]) => [x as Tensor],
  gradient: notDifferentiable('a truth value has no slope'),
  evaluate: ([x = 0]) => Number(x === 0),
};

export function not(x: Tensor): Tensor {
  return applyOne(Not, [x]);
}

const Where: OpRecord = {
  name: 'Where',
  infer: ([condition, a, b]) => {
    const [test, left, right] = [condition as Tensor, a as Tensor, b as Tensor];
    if (test.dtype !== 'bool' || left.dtype !== right.dtype) {
      throw new ShapeError(`Where needs a bool and two values of one dtype, got ${test.dtype}, ${left.dtype} and ${right.dtype}`);
    }
    return [{ dtype: left.dtype, shape: broadcastShapes(test.shape, broadcastShapes(left.shape, right.shape)) }];
  },
  gradient: ({ inputs: [condition, a, b], dy, wanted }) => [
    undefined,
    wanted(1) ? sumTo(where(condition as Tensor, dy, 0), a as Tensor) : undefined,
    wanted(2) ? sumTo(where(condition as Tensor, 0, dy), b as Tensor) : undefined,
  ],
  evaluate: ([condition = 0, a = 0, b = 0]) => (condition !== 0 ? a : b),
};

/** `a` where the condition holds, else `b`. Both are computed: keep the one not taken finite, or its gradient is 0·∞. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return applyOne(Where, [condition, ...pair(a, b, 'Where')]);
}

const Neg: OpRecord = { name: 'Neg', infer: ([x]) => [x as Tensor], gradient: ({ dy }) => [neg(dy)], evaluate: ([x = 0]) => -x };

export function neg(x: Tensor): Tensor {
  return applyOne(Neg, [x]);
}

const Log: OpRecord = {
  name: 'Log',
  infer: ([x]) => [x as Tensor],
  gradient: ({ inputs: [x], dy }) => [div(dy, x as Tensor)],
  evaluate: ([x = 0]) => Math.log(x),
};

/** Natural logarithm. */
export function log(x: Tensor): Tensor {
  return applyOne(Log, [x]);
}

/** 1 where the condition holds, else 0, as floats. */
export function indicator(condition: Tensor, dtype: DType): Tensor {
  return cast(condition, dtype);
}

export const arithmeticRecords = {
  Add,
  Sub,
  Mul,
  Div,
  Pow,
  Max,
  Min,
  Mod,
  Greater,
  GreaterOrEqual,
  Less,
  LessOrEqual,
  Equal,
  And,
  Or,
  Xor,
  Not,
  Where,
  Neg,
  Log,
};
