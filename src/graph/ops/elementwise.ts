import { type Attributes, applyOne, type NotDifferentiable, notDifferentiable, type OpRecord, scalar, type Tensor } from '../node.js';
import { add, div, greater, less, log, max, min, mul, neg, sub, where } from './arithmetic.js';
import { stopGradient } from './gradient-flow.js';

type Slope = (context: { x: Tensor; y: Tensor; dy: Tensor; attributes: Attributes }) => Tensor;

interface Definition {
  readonly evaluate: (x: number, attributes: Attributes) => number;
  /** dL/dx from dL/dy. */
  readonly gradient: Slope | NotDifferentiable;
  readonly attributes?: OpRecord['attributes'];
  readonly compose64?: (x: Tensor, attributes: Attributes) => Tensor;
}

function unary(name: string, { evaluate, gradient, attributes, compose64 }: Definition): OpRecord {
  return {
    name,
    ...(attributes ? { attributes } : {}),
    infer: ([x]) => [x as Tensor],
    gradient:
      typeof gradient === 'function'
        ? ({ inputs: [x], outputs: [y], dy, attributes: own }) => [gradient({ x: x as Tensor, y: y as Tensor, dy, attributes: own })]
        : gradient,
    evaluate: ([x = 0], own) => evaluate(x, own),
    ...(compose64 ? { compose64: ([x], own) => compose64(x as Tensor, own) } : {}),
  };
}

const op =
  (record: OpRecord) =>
  (x: Tensor): Tensor =>
    applyOne(record, [x]);
const isFlat = notDifferentiable('it is constant wherever it is smooth');
const alphaOf = (attributes: Attributes, fallback: number): number => Number(attributes.alpha ?? fallback);

const Abs = unary('Abs', { evaluate: Math.abs, gradient: ({ x, dy }) => mul(dy, stopGradient(sign(x))) });
const Sign = unary('Sign', { evaluate: Math.sign, gradient: isFlat });
const Floor = unary('Floor', { evaluate: Math.floor, gradient: isFlat });
const Ceil = unary('Ceil', { evaluate: Math.ceil, gradient: isFlat });
/** ONNX rounds halves to even. */
const Round = unary('Round', { evaluate: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)), gradient: isFlat });
const Exp = unary('Exp', { evaluate: Math.exp, gradient: ({ y, dy }) => mul(dy, y) });
const Sqrt = unary('Sqrt', { evaluate: Math.sqrt, gradient: ({ y, dy }) => div(mul(dy, 0.5), y) });
const Reciprocal = unary('Reciprocal', { evaluate: (x) => 1 / x, gradient: ({ y, dy }) => neg(mul(dy, mul(y, y))) });
const Sin = unary('Sin', { evaluate: Math.sin, gradient: ({ x, dy }) => mul(dy, cos(x)) });
const Cos = unary('Cos', { evaluate: Math.cos, gradient: ({ x, dy }) => neg(mul(dy, sin(x))) });
const Tanh = unary('Tanh', { evaluate: Math.tanh, gradient: ({ y, dy }) => mul(dy, sub(1, mul(y, y))) });
const Atan = unary('Atan', { evaluate: Math.atan, gradient: ({ x, dy }) => div(dy, add(mul(x, x), 1)), compose64: composeAtan });
const Sigmoid = unary('Sigmoid', {
  evaluate: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  gradient: ({ y, dy }) => mul(dy, mul(y, sub(1, y))),
});
const Relu = unary('Relu', { evaluate: (x) => Math.max(x, 0), gradient: ({ y, dy }) => where(greater(y, 0), dy, 0) });
const LeakyRelu = unary('LeakyRelu', {
  attributes: { alpha: 'float' },
  evaluate: (x, attributes) => (x >= 0 ? x : alphaOf(attributes, 0.01) * x),
  gradient: ({ x, dy, attributes }) => where(greater(x, 0), dy, mul(dy, alphaOf(attributes, 0.01))),
  compose64: (x, attributes) => where(less(x, 0), mul(x, alphaOf(attributes, 0.01)), x),
});
const Elu = unary('Elu', {
  attributes: { alpha: 'float' },
  evaluate: (x, attributes) => (x >= 0 ? x : alphaOf(attributes, 1) * Math.expm1(x)),
  gradient: ({ x, y, dy, attributes }) => {
    const alpha = alphaOf(attributes, 1);
    // With alpha = 1 the slope is continuous at 0 and needs no comparison; with alpha > 0 the result tells the sign of x.
    return mul(dy, alpha === 1 ? min(add(y, 1), 1) : where(greater(alpha > 0 ? y : x, 0), 1, add(y, alpha)));
  },
  compose64: (x, attributes) => where(less(x, 0), mul(sub(exp(min(x, 0)), 1), alphaOf(attributes, 1)), x),
});
/** SELU's constants to double precision (Klambauer 2017). */
export const SELU_ALPHA = 1.6732632423543772;
export const SELU_LAMBDA = 1.0507009873554805;
/** What a file without attributes means: the same constants in float32. */
const seluOf = ({ alpha = Math.fround(SELU_ALPHA), gamma = Math.fround(SELU_LAMBDA) }: Attributes): [alpha: number, gamma: number] => [
  Number(alpha),
  Number(gamma),
];
const Selu = unary('Selu', {
  attributes: { alpha: 'float', gamma: 'float' },
  evaluate: (x, attributes) => {
    const [alpha, gamma] = seluOf(attributes);
    return gamma * (x > 0 ? x : alpha * Math.expm1(x));
  },
  gradient: ({ y, dy, attributes }) => {
    const [alpha, gamma] = seluOf(attributes);
    return mul(dy, where(greater(y, 0), gamma, add(y, gamma * alpha)));
  },
  compose64: (x, attributes) => {
    const [alpha, gamma] = seluOf(attributes);
    return mul(where(greater(x, 0), x, mul(sub(exp(min(x, 0)), 1), alpha)), gamma);
  },
});
const Softplus = unary('Softplus', {
  evaluate: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  gradient: ({ x, dy }) => mul(dy, sigmoid(x)),
  compose64: (x) => add(max(x, 0), log(add(exp(neg(abs(x))), 1))),
});
const Softsign = unary('Softsign', {
  evaluate: (x) => x / (1 + Math.abs(x)),
  gradient: ({ x, dy }) => div(dy, square(add(abs(x), 1))),
  compose64: (x) => div(x, add(abs(x), 1)),
});
const Erf = unary('Erf', {
  evaluate: erfOf,
  gradient: ({ x, dy }) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
  compose64: composeErf,
});
/** Zero inside ±lambd, the value itself outside. */
const Shrink = unary('Shrink', {
  attributes: { lambd: 'float', bias: 'float' },
  evaluate: (x, { lambd = 0.5, bias = 0 }) => (x < -Number(lambd) ? x + Number(bias) : x > Number(lambd) ? x - Number(bias) : 0),
  gradient: ({ x, dy, attributes }) => where(greater(abs(x), Number(attributes.lambd ?? 0.5)), dy, 0),
  // ONNX Runtime's float64 kernel rounds to float32.
  compose64: (x, attributes) => {
    const [lambd, bias] = [Number(attributes.lambd ?? 0.5), Number(attributes.bias ?? 0)];
    return where(less(x, -lambd), add(x, bias), where(greater(x, lambd), sub(x, bias), 0));
  },
});
const truth = (name: string, evaluate: (x: number) => boolean): OpRecord => ({
  name,
  infer: ([x]) => [{ dtype: 'bool', shape: (x as Tensor).shape }],
  gradient: notDifferentiable('a truth value has no slope'),
  evaluate: ([x = 0]) => Number(evaluate(x)),
});
const IsNaN = truth('IsNaN', Number.isNaN);
const IsInf = truth('IsInf', (x) => Math.abs(x) === Number.POSITIVE_INFINITY);

export const abs = op(Abs);
export const sign = op(Sign);
export const floor = op(Floor);
export const ceil = op(Ceil);
/** Nearest whole number, halves to even. */
export const round = op(Round);
export const exp = op(Exp);
export const sqrt = op(Sqrt);
export const reciprocal = op(Reciprocal);
export const sin = op(Sin);
export const cos = op(Cos);
export const tanh = op(Tanh);
export const atan = op(Atan);
export const sigmoid = op(Sigmoid);
export const relu = op(Relu);
export const softplus = op(Softplus);
export const softsign = op(Softsign);
/** Gauss's error function. */
export const erf = op(Erf);
const isNotNumber = op(IsNaN);

/** Whether an element is no number. */
export { isNotNumber as isNaN };
export const isInf = op(IsInf);

/** `x` for x ≥ 0, `alpha`·x below; alpha 0.01 by default. */
export function leakyRelu(x: Tensor, alpha = 0.01): Tensor {
  return applyOne(LeakyRelu, [x], { alpha });
}

/** `x` for x ≥ 0, `alpha`·(eˣ − 1) below; alpha 1 by default. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return applyOne(Elu, [x], { alpha });
}

/** Scaled ELU (Klambauer 2017). */
export function selu(x: Tensor): Tensor {
  return applyOne(Selu, [x], { alpha: SELU_ALPHA, gamma: SELU_LAMBDA });
}

/** Values within ±`threshold` become 0: keeps denormal numbers out where the engine cannot flush them. */
export function shrink(x: Tensor, threshold: number): Tensor {
  return applyOne(Shrink, [x], { lambd: threshold, bias: 0 });
}

/** About the square root of float32's smallest normal number: products of two values above it are normal. */
export const DENORMAL_GUARD = 1.1e-19;

/** ONNX's Shrink with the gradient shrunk likewise, instead of stopped: small signals may have large deltas. */
const Flush: OpRecord = { ...Shrink, gradient: ({ dy }) => [flush(dy)] };

/** Zero for values so small that their products would be denormal, forwards and backwards: for engines that do not flush them. */
export function flush(x: Tensor): Tensor {
  return applyOne(Flush, [x], { lambd: DENORMAL_GUARD, bias: 0 });
}

/** Between `low` and `high`; the gradient stops outside. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return min(max(x, low), high);
}

/** x². */
export function square(x: Tensor): Tensor {
  return mul(x, x);
}

/** From here on atan is π/2 to the last bit; squares of more than 1e154 are no float64. */
const ATAN_FAR = 1e17;

/** Three times atan x = 2 · atan(x / (1 + √(1 + x²))), then the series at |x| < 0.2. */
function composeAtan(x: Tensor): Tensor {
  let small = where(greater(abs(x), ATAN_FAR), mul(sign(x), ATAN_FAR), x);
  for (let i = 0; i < 3; i++) small = div(small, add(sqrt(add(square(small), 1)), 1));
  const squared = square(small);
  let sum: Tensor | undefined;
  for (let power = 23; power >= 1; power -= 2) {
    const coefficient = (power % 4 === 1 ? 8 : -8) / power;
    sum = sum ? add(mul(sum, squared), coefficient) : scalar(coefficient, x.dtype);
  }
  return sum ? mul(sum, small) : x;
}

/** Coefficients by falling powers, as `leading`·tⁿ + …: numerator and denominator of each of Cody's approximations. */
const ERF_NEAR = [
  [0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694],
  [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171],
] as const;
const ERFC_FAR = [
  [
    2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769, 1712.0476126340707,
    2051.0783778260716, 1230.3393547979972,
  ],
  [
    1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597, 4362.619090143247, 3439.3676741437216,
    1230.3393548037495,
  ],
] as const;

/** A quotient of two polynomials, by Horner's rule. */
function rational(t: Tensor, quotient: readonly [readonly number[], readonly number[]]): Tensor {
  const [above, below] = quotient.map(([leading = 1, ...others]) => {
    const start = leading === 1 ? t : mul(t, leading);
    return others.reduce((sum, coefficient, i) => (i === 0 ? add(sum, coefficient) : add(mul(sum, t), coefficient)), start);
  }) as [Tensor, Tensor];
  return div(above, below);
}

/**
 * x · R(x²) for |x| ≤ 0.46875, 1 − exp(−x²) · R(|x|) beyond: Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23, 1969.
 * His second approximation is meant for |x| ≤ 4; behind that, where it is less exact, less than 2e-8 is missing from 1.
 */
function composeErf(x: Tensor): Tensor {
  const size = min(abs(x), 6);
  const near = mul(x, rational(square(x), ERF_NEAR));
  const far = sub(1, mul(exp(neg(square(size))), rational(size, ERFC_FAR)));
  return where(greater(size, 0.46875), mul(sign(x), far), near);
}

/** Error function in float64: the Maclaurin series for |x| < 3, Lentz's continued fraction of erfc beyond; relative error under 1e-15. */
export function erfOf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (size + fraction));
}

export const elementwiseRecords = {
  Abs,
  Sign,
  Floor,
  Ceil,
  Round,
  Exp,
  Sqrt,
  Reciprocal,
  Sin,
  Cos,
  Tanh,
  Atan,
  Sigmoid,
  Relu,
  LeakyRelu,
  Elu,
  Selu,
  Softplus,
  Softsign,
  Erf,
  Shrink,
  IsNaN,
  IsInf,
};
