import { counterHashConstants } from '../core/counter-hash.js';
import { isFloat } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { sameShape, showShape } from '../core/shape.js';
import { scalar, type Tensor } from './node.js';
import { add, mul } from './ops/arithmetic.js';
import { shiftRight, xorBits } from './ops/bits.js';
import { range } from './ops/indexing.js';
import { cast, reshape, reshapeLike, sizeAs } from './ops/movement.js';

const { golden, shift1, multiply1, shift2, multiply2, shift3, uniformShift, uniformScale } = counterHashConstants;

const word = (value: number): Tensor => scalar(value, 'uint32');

/** `mix32` of src/core/counter-hash.ts, element by element. */
function mixBits(x: Tensor): Tensor {
  const folded = (bits: Tensor, places: number): Tensor => xorBits(bits, shiftRight(bits, word(places)));
  const once = mul(folded(x, shift1), word(multiply1));
  const twice = mul(folded(once, shift2), word(multiply2));
  return folded(twice, shift3);
}

function checkWord(tensor: Tensor, argument: string): void {
  if (tensor.dtype === 'uint32' && (tensor.rank === 0 || sameShape(tensor.shape, [1]))) return;
  const received = `${tensor.dtype}${showShape(tensor.shape)}`;
  throw new ShapeError(`${argument} must be one uint32 number, got ${received}; cast it, or take one element`, {
    argument,
    received,
    expected: 'uint32[] or uint32[1]',
  });
}

/**
 * The key of one layer's numbers at one step, as `streamKey` computes it in TypeScript.
 * @param base `baseKey(seed, layer)`, a number or a uint32 scalar, or [1].
 * @param step uint32 scalar, or [1].
 * @returns uint32 [1]: engines find memory used before for arrays alone, not for scalars. @throws ShapeError if `step`, or `base`, is not one uint32 number.
 */
export function stepKey(base: number | Tensor, step: Tensor): Tensor {
  checkWord(step, 'step');
  if (typeof base !== 'number') checkWord(base, 'base');
  return mixBits(add(mul(reshape(step, [1]), word(golden)), typeof base === 'number' ? word(base) : base));
}

/**
 * Uniform numbers in [0, 1) in the shape of `like`, in its dtype (float32 where that is no float). Element i in row-major order is
 * `counterUniform(key, i)`, bit for bit on every engine. The part that does not depend on the key runs outside a loop over steps
 * where the shape is known there.
 * @param key uint32 [1], from `stepKey`, or a scalar. @throws ShapeError if it is not.
 */
export function uniformLike(like: Tensor, key: Tensor): Tensor {
  checkWord(key, 'key');
  const index = cast(range(sizeAs(like, 'int64')), 'uint32');
  const spread = reshapeLike(mixBits(mul(index, word(golden))), like);
  const bits = mixBits(add(spread, key));
  const dtype = isFloat(like.dtype) ? like.dtype : 'float32';
  return mul(cast(shiftRight(bits, word(uniformShift)), dtype), uniformScale);
}
