import type * as evenkeel from 'evenkeel';
import * as face from 'evenkeel';
import { describe, expect, it } from 'vitest';

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
  it('holds all errors, and nothing that only makes their messages', () => {
    const named: Named | undefined = undefined;
    expect(named).toBeUndefined();
    expect(Object.keys(face).filter((name) => name.endsWith('Error'))).toHaveLength(9);
    expect(Object.keys(face)).not.toContain('show');
  });
});
