/** Floats of sixteen bits: IEEE 754 binary16, and the upper half of a float32. */
export type HalfFloat = 'float16' | 'bfloat16';

/** The same numbers as float32, which holds them all. */
export function widened(halves: Uint16Array, format: HalfFloat): Float32Array {
  const bits = format === 'float16' ? widenedBits : (half: number): number => half << 16;
  return new Float32Array(Uint32Array.from(halves, bits).buffer);
}

/** The bits of a float32 that has the value of a float16. */
function widenedBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  let fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: shift until the leading bit falls where float32 implies it.
  let shifts = 0;
  while (!(fraction & 0x400)) {
    fraction <<= 1;
    shifts++;
  }
  return sign | ((113 - shifts) << 23) | ((fraction & 0x3ff) << 13);
}
