import { describe, expect, it } from 'vitest';
import { widened } from '#src/core/half.js';

const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

describe('floats of sixteen bits', () => {
  it('have the values that IEEE 754 gives binary16, all of them', () => {
    widened(all, 'float16').forEach((value, bits) => {
      const [sign, exponent, fraction] = [bits >> 15 === 1 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
      const size =
        exponent === 0 ? fraction * 2 ** -24 : exponent < 31 ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction === 0 ? Infinity : NaN;
      if (!Object.is(value, sign * size)) throw new Error(`${bits} is ${value}, not ${sign * size}`);
    });
  });

  it('have the values of a float32 of those bits before zeros', () => {
    const view = new DataView(new ArrayBuffer(4));
    widened(all, 'bfloat16').forEach((value, bits) => {
      view.setUint16(0, bits);
      if (!Object.is(value, view.getFloat32(0))) throw new Error(`${bits} is ${value}`);
    });
    expect(widened(Uint16Array.of(0x3f80), 'bfloat16')).toEqual(Float32Array.of(1));
  });
});
