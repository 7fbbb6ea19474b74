import type * as evenkeel from 'evenkeel';
import * as face from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { runScript } from './runtime/scripts.js';

/** Types that a user's own code needs to name; one that goes does not compile. */
type Named = [
  evenkeel.BatchGradients,
  evenkeel.BatchOptions,
  evenkeel.Clip,
  evenkeel.ConstraintFunction,
  evenkeel.ConvOptions,
  evenkeel.ConvTransposeOptions,
  evenkeel.CroppingOptions,
  evenkeel.DepthwiseConvOptions,
  evenkeel.ErrorDetails,
  evenkeel.GlobalPoolingOptions,
  evenkeel.InputOptions,
  evenkeel.NamedActivationOptions<'elu'>,
  evenkeel.NonFinitePlace,
  evenkeel.PoolingOptions,
  evenkeel.PredictOptions,
  evenkeel.RegularizerFunction,
  evenkeel.RepeatOptions,
  evenkeel.ScheduleFunction,
  evenkeel.SeparableConvOptions,
  evenkeel.Update,
  evenkeel.UpdateContext,
  evenkeel.UpSamplingOptions,
  evenkeel.ZeroPaddingOptions,
];

describe('the public face', () => {
  it('is imported without compiling any WebAssembly', async () => {
    const { output, errors } = await runScript(`
      let compiled = 0;
      const { Module } = WebAssembly;
      WebAssembly.Module = class extends Module { constructor(...given) { super(...given); compiled++; } };
      for (const name of ['compile', 'instantiate']) {
        const real = WebAssembly[name];
        WebAssembly[name] = (...given) => { compiled++; return real(...given); };
      }
      const { parquetTable } = await import('evenkeel');
      console.log(typeof parquetTable, compiled);`);
    expect({ output, errors }).toEqual({ output: 'function 0\n', errors: '' });
  });

  it('holds all errors, and nothing that only makes their messages', () => {
    const named: Named | undefined = undefined;
    expect(named).toBeUndefined();
    expect(Object.keys(face).filter((name) => name.endsWith('Error'))).toHaveLength(9);
    expect(Object.keys(face)).not.toContain('show');
  });
});
